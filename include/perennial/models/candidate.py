"""The result of training: a model that was logged as a bundle."""

from __future__ import annotations

from perennial.data.split_plan import SplitPlan
from perennial.models.provenance import Provenance
from perennial.record import Record


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
    others: tuple[Candidate, ...] = ()
    """Those of the spec's other windows, judged on the same rows. Each has an MLflow run of its own."""

    @property
    def each(self) -> tuple[Candidate, ...]:
        """The candidate of each window; this one, of the first window, comes last, as the newest of an ensemble."""
        return (*self.others, self)
