"""Whether the version before a new champion holds the floors that the champion falls under, on the same rows."""

from __future__ import annotations

from datetime import timedelta

from perennial.champions.ledger import newest_entry
from perennial.errors import BundleChanged, ChampionUnusable
from perennial.monitoring.drift_tests.matured_tests import compare_with_floors
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.drift_tests.rows import as_datetime64
from perennial.monitoring.records import DriftTestResult, OpenCheck, VersionBefore
from perennial.registry.champions import find_version
from perennial.registry.records import Champion
from perennial.store.damage import Damaged


def version_before(reader: CheckReader, check: OpenCheck, result: DriftTestResult) -> VersionBefore | None:
    """Measure the version that a new champion replaced, if the champion is certainly under a floor.

    Parameters
    ----------
    reader : CheckReader
    check : OpenCheck
    result : DriftTestResult
        Of the performance test, with the champion's figures.

    Returns
    -------
    VersionBefore or None
        None: the spec has no `auto_rollback`, the champion holds its floors, or it was not promoted in the days before:
        a champion that a person chose, in MLflow or by a rollback, stays.
    """
    run, champion = reader.run, check.champion
    wanted = run.spec.auto_rollback
    if wanted is None or champion is None or check.matured is None or not result.figures.get("floors_breached"):
        return None
    move = newest_entry(run.store, check.model)
    if move is None or move.kind != "promoted" or move.version != champion.version or move.previous is None:
        return None
    if run.now - move.at > timedelta(days=wanted.days):
        return None
    try:
        before = find_version(run.store, run.tracking_uri, check.model, move.previous)
        if before is None:
            return _not_measured(move.previous, "it is no longer in the registry")
        return _measured(reader, check.matured, before)
    except (ChampionUnusable, BundleChanged, Damaged) as error:
        return _not_measured(move.previous, str(error))


def _measured(reader: CheckReader, matured: str, before: Champion) -> VersionBefore:
    if before.is_foreign:
        return _not_measured(before.version, "Perennial did not train it")
    event_time = reader.run.spec.source.event_time
    times = reader.rows(matured, [event_time])[event_time].to_numpy("datetime64[us]")
    if before.train_end is not None and times.min() <= as_datetime64(before.train_end):
        return _not_measured(before.version, "it has learnt from some of these rows")
    truth = reader.truth(before, matured).to_numpy()
    floors = compare_with_floors(reader, matured, truth, reader.scored(before, matured).predictions)
    return VersionBefore(
        version=before.version,
        holds=all(floor.met for floor in floors),
        sentence=f"Version {before.version}, the one before, on the same rows: "
        f"{'; '.join(floor.sentence for floor in floors)}.",
    )


def _not_measured(version: str, why: str) -> VersionBefore:
    return VersionBefore(
        version=version, holds=False, sentence=f"Version {version}, the one before, was not measured: {why}."
    )
