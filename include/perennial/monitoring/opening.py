"""Begin a check: settle, once for all who repeat it, which rows it is about."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import numpy as np
from perennial.promotion.registry import current_champion

from perennial.data.manifest import load_manifest
from perennial.data.window import RESOLUTION, Bounds
from perennial.errors import DataError
from perennial.monitoring.records import MonitorState, OpenCheck
from perennial.monitoring.rows import (
    ScannedSource,
    SourceRows,
    among,
    as_datetime64,
    keep_identities,
    keep_rows,
    read_identities,
)
from perennial.monitoring.state import load_state
from perennial.outcomes import Champion
from perennial.run import MonitorRun
from perennial.spec import ModelSpec
from perennial.spec.monitoring import Monitoring
from perennial.store.protocol import Conflict, KeyNotFound, Store

log = logging.getLogger(__name__)


def check_key(model: str, sequence: int) -> str:
    """Return the key under which a check is kept as it was begun."""
    return f"{model}/monitor/checks/{sequence:08d}/check.json"


def open_check(run: MonitorRun) -> OpenCheck | None:
    """Begin the model's next check, or return the one that was begun and not closed.

    Returns
    -------
    OpenCheck or None
        None: there is nothing to check, neither rows nor a pending alarm.

    Raises
    ------
    DataError
        The source cannot be read, or the champion's snapshot is gone.
    """
    state, _ = load_state(run.store, run.spec.name)
    key = check_key(run.spec.name, state.sequence + 1)
    begun = _begun(run.store, key)
    if begun is not None:
        return begun
    check = _prepare(run, state)
    if check is None:
        return None
    try:
        run.store.create(key, check.model_dump_json(indent=2).encode())
    except Conflict:
        return _begun(run.store, key)
    log.info(
        "check %d as of %s: %d new rows, %d late ones, %d matured ones",
        check.sequence, check.as_of, check.rows, check.late_rows, check.matured_rows,
    )  # fmt: skip
    return check


def start_of_watch(run: MonitorRun, champion: Champion, state: MonitorState) -> datetime:
    """Return the event time after which rows are new: the cursor, or the end of what the champion came from."""
    return state.cursor or champion_data_end(run, champion)


def champion_data_end(run: MonitorRun, champion: Champion) -> datetime:
    """Return the newest event time of the champion's snapshot.

    Raises
    ------
    DataError
        The snapshot is not in the store, so that there is nothing to compare with.
    """
    if not champion.snapshot_digest:
        raise DataError(
            f"champion v{champion.version} of {run.spec.name} names no snapshot, so there is nothing to compare "
            "with: it was not registered by Perennial. Retrain once, or move the alias to a version that was"
        )
    return load_manifest(run.store, run.spec.name, champion.snapshot_digest).end


def _begun(store: Store, key: str) -> OpenCheck | None:
    try:
        return OpenCheck.model_validate_json(store.read(key))
    except KeyNotFound:
        return None


def _prepare(run: MonitorRun, state: MonitorState) -> OpenCheck | None:
    champion = current_champion(run.tracking_uri, run.spec.name)
    source = ScannedSource(run)
    if source.facts.end is None:
        return None
    as_of = (run.as_of or source.facts.end).astimezone(UTC)
    if champion is None:
        return _without_champion(run, state, as_of)
    cursor = start_of_watch(run, champion, state)
    if as_of <= cursor and state.alarm is None:
        return None
    monitoring = run.spec.monitoring or Monitoring()
    matured_from = state.matured_cursor or cursor
    matured_until = as_of - timedelta(days=run.spec.target.label_delay_days)
    behind = min(cursor - timedelta(days=monitoring.lateness_days), matured_from)
    rows = source.read(Bounds(behind + RESOLUTION, max(as_of, cursor)))
    first = state.seen is None
    known = rows.identities[:0] if first else read_identities(run.store, str(state.seen))
    new = rows.times > as_datetime64(cursor)
    lately = rows.times > as_datetime64(cursor - timedelta(days=monitoring.lateness_days))
    # What lies behind the cursor at the first check was there for the training, or came too late for it: not news.
    late = lately & ~new & ~among(rows.identities, known) & (not first)
    matured = _matured(run.spec, rows, matured_from, matured_until)
    too_late = late & (rows.times <= as_datetime64(matured_from))
    if not (new.any() or late.any()) and state.alarm is None:
        return None
    folder = f"{run.spec.name}/monitor/checks/{state.sequence + 1:08d}/"
    still_open = as_datetime64(max(as_of, cursor) - timedelta(days=monitoring.lateness_days))
    return OpenCheck(
        model=run.spec.name,
        sequence=state.sequence + 1,
        as_of=max(as_of, cursor),
        spec_digest=run.spec.digest(),
        champion=champion,
        cursor=cursor,
        batch=keep_rows(run.store, folder, "batch", rows.take(new | late)),
        rows=int(new.sum()),
        late_rows=int(late.sum()),
        matured=keep_rows(run.store, folder, "matured", rows.take(matured)),
        matured_rows=int(matured.sum()),
        matured_until=max(matured_until, matured_from),
        too_late_rows=int(too_late.sum()),
        seen=keep_identities(run.store, folder, rows.identities[rows.times > still_open]),
        rows_since_training=source.count(Bounds(champion_data_end(run, champion) + RESOLUTION, as_of)),
    )


def _without_champion(run: MonitorRun, state: MonitorState, as_of: datetime) -> OpenCheck:
    return OpenCheck(
        model=run.spec.name,
        sequence=state.sequence + 1,
        as_of=as_of,
        spec_digest=run.spec.digest(),
        champion=None,
        cursor=None,
        batch=None,
        rows=0,
        late_rows=0,
        matured=None,
        matured_rows=0,
        matured_until=None,
        too_late_rows=0,
        seen=None,
        rows_since_training=0,
    )


def _matured(spec: ModelSpec, rows: SourceRows, after: datetime, until: datetime) -> np.ndarray:
    labelled = rows.table.column(spec.target.column).is_valid().to_numpy()
    inside = (rows.times > as_datetime64(after)) & (rows.times <= as_datetime64(until))
    return np.asarray(labelled & inside)
