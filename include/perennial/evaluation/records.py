"""The result of evaluation: figures on the holdout."""

from __future__ import annotations

from perennial.ensemble.records import JudgedEnsemble
from perennial.models.provenance import Provenance
from perennial.record import Figure, Record
from perennial.registry.records import Champion


class Scores(Record):
    """A model's figures on the holdout. A metric that is not defined there is NaN."""

    metrics: dict[str, Figure]
    undefined: dict[str, str] = {}
    """Metric -> why it is NaN."""
    notes: tuple[str, ...] = ()
    """Notes for readers of the figures."""


class Comparison(Record):
    """A candidate's metric compared with a champion's. A figure that is not defined on the rows is NaN."""

    metric: str
    candidate: Figure
    champion: Figure
    difference: Figure
    """By how much the candidate is better, also for metrics where lower is better; below 0 it is worse."""
    standard_error: Figure
    """Standard error of the difference; NaN: it is not known, and `reason` says why."""
    low: Figure
    high: Figure
    """The interval of the difference at `confidence`."""
    confidence: float
    blocks: int
    """Number of blocks of rows that the noise was measured by."""
    rows: int
    reason: str = ""
    """Why difference or noise is not known; empty: both are known."""


class Evaluation(Record):
    """The figures of candidate and champion on the same holdout."""

    mlflow_run_id: str
    """MLflow run of the candidate."""
    rows: int
    classes: tuple[str, ...] = ()
    """Labels present in the holdout (classification)."""
    candidate: Scores
    champion: Scores | None = None
    """None: there is no champion, or it could not be scored on these rows (a note says which)."""
    comparison: Comparison | None = None
    """Comparison on the rows that the champion was not trained on, if enough; None: the champion has no scores."""
    champion_is: Champion | None = None
    champion_provenance: Provenance | None = None
    """Where the champion comes from; None: there is none, or Perennial did not train it."""
    ensemble: JudgedEnsemble | None = None
    """All that were judged together: the candidate, those of other windows, and members of the champion.

    None: the candidate was judged alone. Otherwise the figures of `candidate` are those of all together, and those of
    `champion` of its members without the candidates.
    """
    same_predictions: bool = False
    """Whether candidate and champion predict the same for every row, bit for bit."""
    notes: tuple[str, ...] = ()
