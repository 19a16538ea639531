"""Find the event time after which rows are new."""

from __future__ import annotations

from datetime import datetime

from perennial.data.snapshots.manifest import load_manifest
from perennial.errors import CursorAhead
from perennial.moments import shifted
from perennial.monitoring.records import MonitorState
from perennial.printable import PrintableLog
from perennial.registry.records import Champion
from perennial.run import CLOCKS_APART, MonitorRun

log = PrintableLog(__name__)


def start_of_watch(run: MonitorRun, champion: Champion, state: MonitorState) -> datetime:
    """Return the event time after which rows are new: the cursor, or the end of the first champion's snapshot.

    Raises
    ------
    CursorAhead
        The cursor lies in the future, so no row would be new.
    DataError
        See `champion_data_end`.
    """
    if state.cursor is None or state.champion_version is None:
        return champion_data_end(run, champion)
    if not can_be_true(run, state.cursor):
        raise CursorAhead(
            f"the cursor of {run.spec.name} stands at {state.cursor:%Y-%m-%d %H:%M:%S} UTC, in the future: the clock "
            f"says {run.now:%Y-%m-%d %H:%M} UTC, and until then no row is new. A wrong event time or as_of moved it "
            f"there. Look up the time of an earlier check with 'perennial ledger {run.spec.name}', and set the "
            f"cursor back: perennial set-cursor {run.spec.name} --to 2013-05-01T00:00:00Z --reason '...'"
        )
    return state.cursor


def champion_data_end(run: MonitorRun, champion: Champion) -> datetime:
    """Return the newest event time of the champion's snapshot that is not in the future.

    Raises
    ------
    DataError
        The snapshot is not in the store, so there is nothing to compare with.
    """
    manifest = load_manifest(run.store, run.spec.name, champion.snapshot_digest)
    if can_be_true(run, manifest.end):
        return manifest.end
    from perennial.data.snapshots.read import read_snapshot

    event_time = run.spec.source.event_time
    times = read_snapshot(run.store, manifest, columns=[event_time])[event_time]
    believed = times[times <= run.latest]
    newest: datetime = believed.max().to_pydatetime() if len(believed) else manifest.start
    log.warning("the champion was trained on rows up to %s, in the future: up to %s counts", manifest.end, newest)
    return newest


def can_be_true(run: MonitorRun, moment: datetime) -> bool:
    """Tell whether an event time is not in the future."""
    return moment <= shifted(run.latest, CLOCKS_APART)
