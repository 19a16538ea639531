"""What evaluation hands on: figures on the holdout."""

from __future__ import annotations

from perennial.models.provenance import Provenance
from perennial.record import Figure, Record
from perennial.registry.records import Champion


class Scores(Record):
    """A model's figures on the holdout. A metric that is not defined there is NaN."""

    metrics: dict[str, Figure]
    undefined: dict[str, str] = {}
    """Why, for each metric that is NaN."""
    notes: tuple[str, ...] = ()
    """What else to know about the figures."""


class Evaluation(Record):
    """Candidate and champion on the same holdout."""

    mlflow_run_id: str
    """The candidate's."""
    rows: int
    classes: tuple[str, ...] = ()
    """Labels present in the holdout (classification)."""
    candidate: Scores
    champion: Scores | None = None
    """None: there is no champion, or it could not be scored on these rows (a note says which)."""
    champion_is: Champion | None = None
    champion_provenance: Provenance | None = None
    """What the champion comes from; None: there is none, or Perennial did not train it."""
    same_predictions: bool = False
    """Candidate and champion say the same of every row, to the last bit."""
    notes: tuple[str, ...] = ()
