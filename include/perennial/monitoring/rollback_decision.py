"""Decides on a rollback from what the performance test found out about a new champion and the version before. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from perennial.monitoring.records import DecidedRollback, DriftTestResult
from perennial.spec import ModelSpec


def rollback_decision(
    spec: ModelSpec, champion: str | None, results: Sequence[DriftTestResult], run_id: str
) -> tuple[DecidedRollback | None, tuple[str, ...]]:
    """Return the rollback that the spec wants, if any, and sentences about it for the check's reasons.

    Parameters
    ----------
    spec : ModelSpec
    champion : str or None
        The version that the check is about.
    results : sequence of DriftTestResult
    run_id : str
        Names the rollback.
    """
    found = next((result for result in results if result.before is not None), None)
    if spec.auto_rollback is None or found is None or found.before is None:
        return None, ()
    before, when = found.before, spec.auto_rollback.when
    if not before.holds:
        return None, (f"{before.sentence} Champion v{champion} is not taken back.",)
    to_do = (
        f"Champion v{champion} is taken back: version {before.version} becomes champion again."
        if when == "act"
        else f"To go back to version {before.version}: perennial rollback {spec.name} --to {before.version} --reason WHY, "
        f"or the form of {spec.name}.rollback."
    )
    decided = DecidedRollback(
        version=before.version, when=when, reason=found.sentence, sentence=before.sentence, run_id=run_id
    )
    return decided, (before.sentence, to_do)
