"""The result of evaluation: figures on the holdout."""

from __future__ import annotations

from perennial.ensemble.records import JudgedEnsemble
from perennial.models.provenance import Provenance
from perennial.record import Figure, Record
from perennial.registry.records import Champion

MOST_KEPT = 50
"""Slices of an evaluation, unless more are worse beyond chance."""


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


class Interval(Record):
    """A figure with its interval, of which 95% contain the true value; NaN: it is not known."""

    value: Figure
    low: Figure
    high: Figure


class SliceFigures(Record):
    """How the models do in one slice."""

    name: str
    """Columns and values, such as `carrier=AA, distance=200 to 420`."""
    rows: int
    candidate: Interval
    champion: Interval | None = None
    difference: Interval | None = None
    """By how much the candidate is better, also for metrics where lower is better; below 0 it is worse."""
    p_worse: float | None = None
    """Probability of so clear a drop beyond what is allowed in any slice, if there is none in all; None: not tested."""
    p_under_floor: float | None = None
    """The same of a value that misses the floor; None: the spec has no floor, or it is not tested."""

    def is_worse(self, level: float) -> bool:
        """Whether the drop is beyond chance."""
        return self.p_worse is not None and self.p_worse <= level

    def misses_floor(self, level: float) -> bool:
        """Whether it is beyond chance that the floor is missed."""
        return self.p_under_floor is not None and self.p_under_floor <= level


class Slices(Record):
    """The slices of a holdout, those that are most surely worse first."""

    metric: str
    level: float
    found: tuple[SliceFigures, ...]
    """Those of a run's evaluation are the worst 50, and all that are worse beyond chance; `slices.json` has all."""
    judged: int
    """How many slices were looked at together: the probabilities are corrected for them."""
    too_few_rows: int = 0
    """Slices that were not judged, since they have fewer rows than the spec asks for."""
    undefined: tuple[str, ...] = ()
    """Slices in which the metric or its noise is not known, with the reason."""
    useless: tuple[str, ...] = ()
    """Columns and pairs that make no slices, with the reason."""

    def shortened(self) -> Slices:
        """Return the worst 50, and all that are worse beyond chance."""
        beyond = sum(one.is_worse(self.level) or one.misses_floor(self.level) for one in self.found)
        return self.model_copy(update={"found": self.found[: max(MOST_KEPT, beyond)]})


class GroupFigures(Record):
    """How the models treat one group of a sensitive column: by name of rate, for each model."""

    name: str
    """Column and value, such as `sex=F`."""
    rows: int
    candidate: dict[str, Interval]
    champion: dict[str, Interval] | None = None


class GroupsOf(Record):
    """How the models treat the groups of a sensitive column."""

    column: str
    groups: tuple[GroupFigures, ...]
    candidate: dict[str, Figure] = {}
    """Metric -> the largest difference between two groups; NaN: it is not defined for two groups."""
    champion: dict[str, Figure] | None = None
    too_few_rows: int = 0
    """Groups that were not compared, since they have fewer rows than the spec asks for."""


class TakenBack(Record):
    """A version that was champion and was rolled back: the same candidate is no news."""

    version: str
    provenance: Provenance


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
    taken_back: tuple[TakenBack, ...] = ()
    """Versions that were rolled back and have not been champion since."""
    ensemble: JudgedEnsemble | None = None
    """All that were judged together: the candidate, those of other windows, and members of the champion.

    None: the candidate was judged alone. Otherwise the figures of `candidate` are those of all together, and those of
    `champion` of its members without the candidates.
    """
    slices: Slices | None = None
    """How the models do in slices of these rows; None: the spec asks for none."""
    fairness: tuple[GroupsOf, ...] = ()
    """How the models treat groups, for each sensitive column that the spec names."""
    same_predictions: bool = False
    """Whether candidate and champion predict the same for every row, bit for bit."""
    notes: tuple[str, ...] = ()
