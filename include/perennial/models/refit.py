"""The result of the refit of a candidate."""

from __future__ import annotations

from perennial.models.manifest import FittedRows
from perennial.models.provenance import Provenance
from perennial.record import Record


class Refit(Record):
    """The bundle that is registered instead of the candidate's; the candidate's own if its refit was discarded."""

    model_uri: str
    """MLflow's URI of the logged model."""
    bundle_digest: str
    provenance: Provenance
    served: FittedRows
    """The rows that the served model was fitted on."""
    discarded: bool
    sentence: str
    """What was done, or why the refit was discarded."""
    others: tuple[Refit, ...] = ()
    """Those of the candidate's others."""

    @property
    def each(self) -> tuple[Refit, ...]:
        """The refit of each window's candidate, in the order of `Candidate.each`."""
        return (*self.others, self)
