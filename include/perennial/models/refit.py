"""What the refit of a candidate hands on."""

from __future__ import annotations

from perennial.models.manifest import FittedRows
from perennial.models.provenance import Provenance
from perennial.record import Record


class Refit(Record):
    """The bundle that is registered in the candidate's place; the candidate's own where its refit was discarded."""

    model_uri: str
    """MLflow's URI of the logged model."""
    bundle_digest: str
    provenance: Provenance
    served: FittedRows
    """What the model that serves was fitted on."""
    discarded: bool
    sentence: str
    """What was done, or why the refit was discarded."""
