"""Finds what the versions that were rolled back come from, since the same candidate must not be promoted again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.champions.history import rolled_back
from perennial.champions.ledger import read_champions
from perennial.evaluation.records import TakenBack
from perennial.registry.bundles import recorded_manifest
from perennial.registry.champions import find_version

if TYPE_CHECKING:
    from perennial.run import Run


def find_taken_back(run: Run) -> tuple[TakenBack, ...]:
    """Return the versions that were rolled back and have not been champion since, as far as they are still there.

    Raises
    ------
    Damaged
        An entry of the ledger of champions, or the record of a version, is not what was written.
    TrackingUnavailable
        MLflow does not answer.
    """
    name = run.spec.name
    away = rolled_back(read_champions(run.store, name))
    found = [find_version(run.store, run.tracking_uri, name, version) for version in away]
    return tuple(
        TakenBack(version=one.version, provenance=recorded_manifest(run, one).provenance)
        for one in found
        if one is not None and not one.is_foreign
    )
