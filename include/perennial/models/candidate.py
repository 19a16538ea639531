"""The result of training: a model that was logged as a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.data.split_plan import SplitPlan
from perennial.models.provenance import Provenance
from perennial.models.tuning import Choice
from perennial.record import Record

if TYPE_CHECKING:
    from perennial.spec import ModelSpec


class Candidate(Record):
    """A trained model that has not been judged yet."""

    mlflow_run_id: str
    experiment_id: str
    model_uri: str
    """MLflow's URI of the logged model."""
    bundle_digest: str
    split: SplitPlan
    """Which rows it was trained on, and which were kept out."""
    provenance: Provenance
    choice: Choice | None = None
    """What a search chose; None: the spec names one estimator."""
    start: str = ""
    """What its training started from and why, in words; empty: the spec has no `model.update`."""
    others: tuple[Candidate, ...] = ()
    """Those of the spec's other windows, judged on the same rows. Each has an MLflow run of its own."""

    def recipe(self, spec: ModelSpec) -> ModelSpec:
        """Return the spec with the estimator and parameters that the candidate was trained with."""
        return spec if self.choice is None else self.choice.applied(spec)

    @property
    def each(self) -> tuple[Candidate, ...]:
        """The candidate of each window; this one, of the first window, comes last, as the newest of an ensemble."""
        return (*self.others, self)
