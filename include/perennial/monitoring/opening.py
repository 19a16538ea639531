"""Begin a check: decide which rows it is about, once, so that repeated calls use the same rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from perennial.champions.ledger import enter_found, newest_entry
from perennial.data.window import Bounds, just_after
from perennial.digests import check_digest
from perennial.errors import ChampionUnusable
from perennial.layout import CHECK
from perennial.moments import shifted
from perennial.monitoring import ledger
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.drift_tests.reference import prepare_reference
from perennial.monitoring.drift_tests.rows import (
    KnownRows,
    ScannedSource,
    SourceRows,
    among,
    as_datetime64,
    check_rows,
    identity_columns,
    keep_identities,
    keep_rows,
    read_identities,
    with_inputs,
)
from perennial.monitoring.lost_trigger import lost_trigger
from perennial.monitoring.records import CheckedRows, MonitorState, OpenCheck, incomparable
from perennial.monitoring.start_of_watch import can_be_true, champion_data_end, start_of_watch
from perennial.monitoring.state import load_state
from perennial.printable import PrintableLog
from perennial.registry.bundles import recorded_manifest
from perennial.registry.champions import current_champion
from perennial.registry.records import Champion
from perennial.run import MonitorRun
from perennial.spec import ModelSpec
from perennial.store.damage import Damaged
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_versioned_record, seal

log = PrintableLog(__name__)


def open_check(run: MonitorRun, reader: CheckReader | None = None) -> OpenCheck | None:
    """Begin the model's next check, or return the one that was begun and not closed, or whose retraining was lost.

    The champion's reference is prepared first, so that a check that was begun can be carried out.

    Parameters
    ----------
    run : MonitorRun
    reader : CheckReader, optional
        Gets the rows of a check that is begun now, for the tests in the same process.

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
    key = CHECK.key(run.spec.name, sequence)
    champion = current_champion(run.store, run.tracking_uri, run.spec.name)
    by_hand = _moved_by_hand(run, state, champion)
    lost = lost_trigger(run, state, champion)
    if lost is not None:
        log.warning("check %d is continued: its retraining %s was lost", lost.sequence, lost.decision.run_id)
        return lost.check
    begun, version = _begun(run.store, key)
    if begun is not None and _still_right(run, begun, champion):
        return begun
    # One that is undecided and is damaged, or is about another champion, spec or the future, is begun again: it might
    # never end. Processes that work on the old check may continue, since the ledger takes the first decision, with its
    # check.
    check = _prepare(run, state, champion, reader or CheckReader(run))
    if check is None:
        run.store.delete(key)
        return None
    check = check.model_copy(update={"moved_by_hand": by_hand})
    data = seal(check)
    try:
        run.store.create(key, data) if version is None else run.store.replace(key, data, version)
    except Conflict:
        return _begun(run.store, key)[0]
    log.info(
        "check %d as of %s: %d new rows, %d late ones, %d matured ones",
        check.sequence, check.as_of, check.rows, check.late_rows, check.matured_rows,
    )  # fmt: skip
    return check


def _moved_by_hand(run: MonitorRun, state: MonitorState, champion: Champion | None) -> str:
    """Enter a champion that someone has set in MLflow in the ledger of champions, and say so in its first check."""
    version = None if champion is None else champion.version
    enter_found(run.store, run.spec.name, lambda: _version_now(run), run.now)
    newest = newest_entry(run.store, run.spec.name)
    if newest is None or newest.kind != "found" or newest.version != version or state.champion_version == version:
        return ""
    became = f"v{version} was made champion" if version else "the alias of the champion was removed"
    before = f", in place of v{newest.previous}" if newest.previous else ""
    return f"By hand, in MLflow: {became}{before}; it was noticed at {newest.at:%Y-%m-%d %H:%M} UTC."


def _version_now(run: MonitorRun) -> str | None:
    champion = current_champion(run.store, run.tracking_uri, run.spec.name)
    return None if champion is None else champion.version


def _still_right(run: MonitorRun, begun: OpenCheck, champion: Champion | None) -> bool:
    same = begun.champion == champion and begun.watched_as == check_digest(run.spec)
    return same and can_be_true(run, begun.as_of)


def _begun(store: Store, key: str) -> tuple[OpenCheck | None, str | None]:
    """Return the stored check and its version; without the check if it or its rows are damaged."""
    version = None
    try:
        check, version = read_versioned_record(store, key, OpenCheck, "It is made of the source's rows")
        for rows in dict.fromkeys((check.batch, check.matured)):
            if rows is not None:
                check_rows(store, rows)
        if check.seen is not None:
            read_identities(store, check.seen.key)
    except KeyNotFound:
        return None, None
    except Damaged as damage:
        log.warning("the check is begun again: %s", damage)
        return None, version or damage.version
    return check, version


def _prepare(run: MonitorRun, state: MonitorState, champion: Champion | None, reader: CheckReader) -> OpenCheck | None:
    source = ScannedSource(run)
    if source.summary.end is None:
        return None
    as_of = (run.as_of or source.summary.end).astimezone(UTC)
    if champion is None or incomparable(champion):
        return _without_rows(run, state, source, as_of, champion)
    cursor = start_of_watch(run, champion, state)
    if as_of <= cursor and state.alarm is None:
        return None
    lateness = timedelta(days=run.spec.watch.lateness_days)
    # On its own training rows the champion is too good, so these are not used for its losses.
    matured_until = shifted(as_of, -timedelta(days=run.spec.target.label_delay_days))
    still_taken = shifted(cursor, -lateness)
    matured_from = max(_matured_before(run, state, cursor, matured_until), _learnt_until(run, champion, cursor))
    begin, behind = min(cursor, matured_from), min(still_taken, matured_from)
    inputs = recorded_manifest(run, champion).inputs
    spec = with_inputs(run.spec, inputs)
    checked = source.known(spec, Bounds(just_after(behind), begin))
    # Usually none of these is late: then nothing else of them is read.
    after = behind if _unseen(run.store, spec, state, checked).any() else begin
    rows = source.read(spec, Bounds(just_after(after), max(as_of, cursor)), inputs)
    new = rows.times > as_datetime64(cursor)
    late = ~new & (rows.times > as_datetime64(still_taken))
    late[late] = _unseen(run.store, spec, state, rows.take(late))
    matured = _matured(run.spec, rows, matured_from, matured_until)
    too_late = late & (rows.times <= as_datetime64(matured_from))
    if not (new.any() or late.any()) and state.alarm is None:
        return None
    _prepare_reference(run, champion)
    folder = CHECK.folder(run.spec.name, state.sequence + 1)
    batch = _keep(reader, folder, "batch", rows.take(new | late))
    cursor_after = max(min(as_of, source.summary.end), cursor)
    still_open = shifted(cursor_after, -lateness)
    seen = [found.identities[found.times > as_datetime64(still_open)] for found in (checked, rows)]
    return OpenCheck(
        model=run.spec.name,
        sequence=state.sequence + 1,
        as_of=max(as_of, cursor),
        watched_as=check_digest(run.spec),
        champion=champion,
        cursor=cursor,
        cursor_after=cursor_after,
        batch=batch,
        rows=int(new.sum()),
        late_rows=int(late.sum()),
        # If labels need no time, these are the same rows: stored, read and scored once.
        matured=batch if np.array_equal(matured, new | late) else _keep(reader, folder, "matured", rows.take(matured)),
        matured_rows=int(matured.sum()),
        matured_until=max(matured_until, matured_from),
        too_late_rows=int(too_late.sum()),
        seen=CheckedRows(
            key=keep_identities(run.store, folder, np.concatenate(seen)),
            after=still_open,
            columns=identity_columns(spec),
        ),
        future=source.future,
        rows_since_training=source.count(Bounds(just_after(champion_data_end(run, champion)), as_of)),
    )


def _prepare_reference(run: MonitorRun, champion: Champion) -> None:
    try:
        prepare_reference(run, champion)
    except ChampionUnusable as error:
        # Each test that needs the reference reports the error; the others are made.
        log.warning("%s", error)


def _matured_before(run: MonitorRun, state: MonitorState, cursor: datetime, matured_until: datetime) -> datetime:
    """Return the event time up to which labelled rows were used by Page-Hinkley and the performance test."""
    if state.matured_cursor is None:
        return cursor
    return state.matured_cursor if can_be_true(run, state.matured_cursor) else min(cursor, matured_until)


def _learnt_until(run: MonitorRun, champion: Champion, cursor: datetime) -> datetime:
    if champion.train_end is None:
        return cursor
    return champion.train_end if can_be_true(run, champion.train_end) else champion_data_end(run, champion)


def _keep(reader: CheckReader, folder: str, name: str, rows: SourceRows) -> str | None:
    key = keep_rows(reader.run.store, folder, name, rows)
    if key is not None:
        reader.hold(key, rows)
    return key


def _unseen(store: Store, spec: ModelSpec, state: MonitorState, rows: SourceRows | KnownRows) -> npt.NDArray[np.bool_]:
    """Tell which rows behind the cursor no check has seen.

    Rows that existed at the first check, or are older than any check looked back, do not count: they were available for
    the training, or came too late.
    """
    seen = state.seen
    if seen is None or seen.columns != identity_columns(spec):
        return np.zeros(len(rows.times), dtype=bool)
    try:
        known = among(rows.identities, read_identities(store, seen.key))
    except Damaged as damage:
        log.warning("%s", damage)
        return np.zeros(len(rows.times), dtype=bool)
    return np.asarray(~known & (rows.times > as_datetime64(seen.after)))


def _without_rows(
    run: MonitorRun, state: MonitorState, source: ScannedSource, as_of: datetime, champion: Champion | None
) -> OpenCheck:
    return OpenCheck(
        model=run.spec.name,
        sequence=state.sequence + 1,
        as_of=as_of,
        watched_as=check_digest(run.spec),
        champion=champion,
        cursor=None,
        cursor_after=min(as_of, source.summary.end or as_of),
        batch=None,
        rows=0,
        late_rows=0,
        matured=None,
        matured_rows=0,
        matured_until=None,
        too_late_rows=0,
        seen=None,
        rows_since_training=0,
        future=source.future,
    )


def _matured(spec: ModelSpec, rows: SourceRows, after: datetime, until: datetime) -> np.ndarray:
    labelled = rows.table.column(spec.target.column).is_valid().to_numpy()
    inside = (rows.times > as_datetime64(after)) & (rows.times <= as_datetime64(until))
    return np.asarray(labelled & inside)
