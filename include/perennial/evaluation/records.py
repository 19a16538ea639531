"""What evaluation hands on: figures on the holdout."""

from __future__ import annotations

from perennial.ensemble.records import JudgedEnsemble
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


class Comparison(Record):
    """A candidate's metric beside a champion's. What is not defined on the rows is NaN."""

    metric: str
    candidate: Figure
    champion: Figure
    difference: Figure
    """By how much the candidate is better, whichever direction of the metric that is; below 0 it is worse."""
    standard_error: Figure
    """Of the difference; NaN: it is not known, and `reason` says why."""
    low: Figure
    high: Figure
    """The interval of the difference at `confidence`."""
    confidence: float
    blocks: int
    """How many blocks of rows the noise was measured by."""
    rows: int
    reason: str = ""
    """Why difference or noise is not known; empty: both are."""


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
    comparison: Comparison | None = None
    """Both on the rows that the champion was not trained on, where enough remain; None where the champion has no scores."""
    champion_is: Champion | None = None
    champion_provenance: Provenance | None = None
    """What the champion comes from; None: there is none, or Perennial did not train it."""
    ensemble: JudgedEnsemble | None = None
    """The candidate together with members of the champion: then the figures of `candidate` are those of all together, and
    those of `champion` are of its members without the candidate. None: the candidate was judged alone."""
    same_predictions: bool = False
    """Candidate and champion say the same of every row, to the last bit."""
    notes: tuple[str, ...] = ()
