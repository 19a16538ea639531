"""Begin a check: settle, once for all who repeat it, which rows it is about."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from perennial.data.manifest import load_manifest
from perennial.data.window import Bounds, just_after
from perennial.errors import DataError
from perennial.moments import shifted
from perennial.monitoring import ledger
from perennial.monitoring.check_reader import CheckReader
from perennial.monitoring.records import MonitorState, OpenCheck, SeenRows
from perennial.monitoring.reference import prepare_reference
from perennial.monitoring.rows import (
    KnownRows,
    ScannedSource,
    SourceRows,
    among,
    as_datetime64,
    identity_columns,
    keep_identities,
    keep_rows,
    read_identities,
)
from perennial.monitoring.state import load_state
from perennial.outcomes import Champion
from perennial.promotion.registry import current_champion
from perennial.run import MonitorRun
from perennial.spec import ModelSpec
from perennial.spec.monitoring import Monitoring
from perennial.store.protocol import Conflict, KeyNotFound, Store

log = logging.getLogger(__name__)


def check_key(model: str, sequence: int) -> str:
    """Return the key under which a check is kept as it was begun."""
    return f"{model}/monitor/checks/{sequence:08d}/check.json"


def open_check(run: MonitorRun, reader: CheckReader | None = None) -> OpenCheck | None:
    """Begin the model's next check, or return the one that was begun and not closed.

    The champion's reference is prepared before anything is settled, so that a check that is begun can be made.

    Parameters
    ----------
    run : MonitorRun
    reader : CheckReader, optional
        Holds the rows of a check that is begun now, for whoever goes on with it in this process.

    Returns
    -------
    OpenCheck or None
        None: there is nothing to check, neither rows nor a pending alarm.

    Raises
    ------
    DataError
        The source cannot be read, or the champion's snapshot is gone or damaged.
    """
    state, _ = load_state(run.store, run.spec.name)
    sequence = state.sequence + 1
    decided = ledger.find_entry(run.store, run.spec.name, sequence)
    if decided is not None:
        return decided.check
    key = check_key(run.spec.name, sequence)
    champion = current_champion(run.tracking_uri, run.spec.name)
    begun, version = _begun(run.store, key)
    if begun is not None and begun.champion == champion and begun.spec_digest == run.spec.digest():
        return begun
    # One that is undecided and speaks of another champion or spec is begun anew: it could perhaps never be ended. Whoever
    # works on the old one may go on, since the ledger takes the first decision, with the check that it is about.
    check = _prepare(run, state, champion, reader or CheckReader(run))
    if check is None:
        run.store.delete(key)
        return None
    data = check.model_dump_json(indent=2).encode()
    try:
        run.store.create(key, data) if version is None else run.store.replace(key, data, version)
    except Conflict:
        return _begun(run.store, key)[0]
    log.info(
        "check %d as of %s: %d new rows, %d late ones, %d matured ones",
        check.sequence, check.as_of, check.rows, check.late_rows, check.matured_rows,
    )  # fmt: skip
    return check


def start_of_watch(run: MonitorRun, champion: Champion, state: MonitorState) -> datetime:
    """Return the event time after which rows are new: the cursor, or the end of what the first champion came from."""
    watched = state.cursor if state.champion_version is not None else None
    return watched or champion_data_end(run, champion)


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


def _begun(store: Store, key: str) -> tuple[OpenCheck | None, str | None]:
    try:
        stored = store.read_versioned(key)
    except KeyNotFound:
        return None, None
    return OpenCheck.model_validate_json(stored.data), stored.version


def _prepare(run: MonitorRun, state: MonitorState, champion: Champion | None, reader: CheckReader) -> OpenCheck | None:
    source = ScannedSource(run)
    if source.facts.end is None:
        return None
    as_of = (run.as_of or source.facts.end).astimezone(UTC)
    if champion is None:
        return _without_champion(run, state, as_of)
    cursor = start_of_watch(run, champion, state)
    if as_of <= cursor and state.alarm is None:
        return None
    lateness = timedelta(days=(run.spec.monitoring or Monitoring()).lateness_days)
    # The champion is too good on what it learnt from: such rows say nothing about its losses.
    matured_from = max(state.matured_cursor or cursor, champion.train_end or cursor)
    matured_until = shifted(as_of, -timedelta(days=run.spec.target.label_delay_days))
    still_taken = shifted(cursor, -lateness)
    begin, behind = min(cursor, matured_from), min(still_taken, matured_from)
    checked = source.known(Bounds(just_after(behind), begin))
    # As a rule none of those came late: then no more of them need be read.
    after = behind if _unseen(run, state, checked).any() else begin
    rows = source.read(Bounds(just_after(after), max(as_of, cursor)))
    new = rows.times > as_datetime64(cursor)
    late = ~new & (rows.times > as_datetime64(still_taken))
    late[late] = _unseen(run, state, rows.take(late))
    matured = _matured(run.spec, rows, matured_from, matured_until)
    too_late = late & (rows.times <= as_datetime64(matured_from))
    if not (new.any() or late.any()) and state.alarm is None:
        return None
    prepare_reference(run, champion)
    folder = f"{run.spec.name}/monitor/checks/{state.sequence + 1:08d}/"
    batch = _keep(reader, folder, "batch", rows.take(new | late))
    still_open = shifted(max(as_of, cursor), -lateness)
    seen = [found.identities[found.times > as_datetime64(still_open)] for found in (checked, rows)]
    return OpenCheck(
        model=run.spec.name,
        sequence=state.sequence + 1,
        as_of=max(as_of, cursor),
        spec_digest=run.spec.digest(),
        champion=champion,
        cursor=cursor,
        batch=batch,
        rows=int(new.sum()),
        late_rows=int(late.sum()),
        # Where labels need no time these are the same rows, and kept, read and scored once.
        matured=batch if np.array_equal(matured, new | late) else _keep(reader, folder, "matured", rows.take(matured)),
        matured_rows=int(matured.sum()),
        matured_until=max(matured_until, matured_from),
        too_late_rows=int(too_late.sum()),
        seen=SeenRows(
            key=keep_identities(run.store, folder, np.concatenate(seen)),
            after=still_open,
            columns=identity_columns(run.spec),
        ),
        rows_since_training=source.count(Bounds(just_after(champion_data_end(run, champion)), as_of)),
    )


def _keep(reader: CheckReader, folder: str, name: str, rows: SourceRows) -> str | None:
    key = keep_rows(reader.run.store, folder, name, rows)
    if key is not None:
        reader.hold(key, rows)
    return key


def _unseen(run: MonitorRun, state: MonitorState, rows: SourceRows | KnownRows) -> npt.NDArray[np.bool_]:
    """Tell which rows behind the cursor no check has seen.

    Of what was there at the first check, or is older than any check looked back, nothing is known: it was there for the
    training, or came too late for it.
    """
    seen = state.seen
    if seen is None or seen.columns != identity_columns(run.spec):
        return np.zeros(len(rows.times), dtype=bool)
    known = among(rows.identities, read_identities(run.store, seen.key))
    return np.asarray(~known & (rows.times > as_datetime64(seen.after)))


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
