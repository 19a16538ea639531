"""Find out whether there is enough to check; used by the sensor and the command line before a check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from perennial.data.window import Bounds, just_after
from perennial.layout import CHECK, LEDGER_ENTRY
from perennial.monitoring import ledger
from perennial.monitoring.drift_tests.rows import ScannedSource
from perennial.monitoring.lost_trigger import lost_trigger
from perennial.monitoring.records import MonitorState, incomparable
from perennial.monitoring.start_of_watch import start_of_watch
from perennial.monitoring.state import load_state
from perennial.registry.champions import current_champion
from perennial.run import MonitorRun


@dataclass(frozen=True)
class Waiting:
    """What can be checked now.

    Attributes
    ----------
    rows : int
        Number of rows after the cursor, including duplicates; all rows of the source if nothing was checked yet and
        there is no champion. Late rows do not count: they are checked with the next new ones.
    enough : bool
        Whether there are enough rows for a check.
    recheck : bool
        Whether a check is due whatever the number of rows: one was begun and not closed, or an alarm is pending and
        something has changed since it was held back.
    reason : str
        Explanation in one or a few sentences.
    cursor_ahead : datetime or None
        The cursor, if it is after the source's newest event time, so that no row is new.
    """

    rows: int
    enough: bool
    recheck: bool
    reason: str
    cursor_ahead: datetime | None = None

    @property
    def over(self) -> bool:
        """Whether the wait is over because a check can be made."""
        return self.enough or self.recheck


def waiting(run: MonitorRun) -> Waiting:
    """Look at cursor and source. Compares no rows, and writes only the summaries of new files.

    Parameters
    ----------
    run : MonitorRun
        While it has `active` retrainings, a pending alarm waits.

    Raises
    ------
    DataError
        The source cannot be read, or the champion's snapshot is gone.
    CursorAhead
        The cursor lies in the future.
    """
    state, _ = load_state(run.store, run.spec.name)
    following = state.sequence + 1
    if any(run.store.exists(place.key(run.spec.name, following)) for place in (CHECK, LEDGER_ENTRY)):
        return Waiting(0, False, True, f"Check {following} was begun and not ended: it is continued.")
    if run.active and _coalesced(run, state):
        under_way = ", ".join(run.active)
        return Waiting(0, False, False, f"The last rows are checked again when the retraining ends ({under_way}).")
    champion = current_champion(run.store, run.tracking_uri, run.spec.name)
    lost = lost_trigger(run, state, champion)
    if lost is not None:
        return Waiting(
            0, False, True, f"The retraining that check {lost.sequence} triggered was lost: it is triggered again."
        )
    source = ScannedSource(run)
    future = source.future.sentence if source.future else ""
    unknown = incomparable(champion)
    sentence = unknown[:1].upper() + unknown[1:] if unknown else ""
    if unknown and not run.spec.retraining.first:
        return Waiting(0, False, False, f"{sentence}, and the spec leaves the first training to people.")
    if source.summary.end is None:
        return Waiting(0, False, False, f"The source has no rows. {future}".rstrip())
    as_of = (run.as_of or source.summary.end).astimezone(UTC)
    cursor = state.cursor if champion is None or unknown else start_of_watch(run, champion, state)
    if unknown and cursor and cursor > run.latest:
        cursor = None  # a row that is set aside now had moved it there: all other rows may be used again
    rows = source.count(Bounds(cursor and just_after(cursor), as_of))
    if cursor is None:
        found = f"{sentence}, and there are {rows:,} rows to train one on. {future}"
        return Waiting(rows, rows > 0, False, found.rstrip())
    least = run.spec.watch.min_rows
    enough = rows >= least
    recheck, why = _alarm(run, state, as_of)
    since = f"after {cursor:%Y-%m-%d %H:%M} UTC"
    found = f"{rows:,} new rows {since}." if enough else f"{rows:,} new rows {since}; a check needs {least:,}."
    ahead = cursor if cursor > source.summary.end else None
    behind = _behind(run, source.summary.end) if ahead else ""
    return Waiting(rows, enough, recheck, " ".join(filter(None, (found, behind, why, future))), ahead)


def _behind(run: MonitorRun, newest: datetime) -> str:
    """Return a sentence that the source ends before the cursor, and what to do."""
    return (
        f"The source's newest event time is {newest:%Y-%m-%d %H:%M} UTC: the cursor is after it, so rows up to "
        "there count as checked. If the source was corrected, set the cursor back: "
        f"perennial set-cursor {run.spec.name} --to {newest.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} --reason '...'"
    )


def _alarm(run: MonitorRun, state: MonitorState, as_of: datetime) -> tuple[bool, str]:
    """Tell whether a pending alarm is decided again even with few rows, with a sentence that says why or why not."""
    if state.alarm is None:
        return False, ""
    pending = f"An alarm of check {state.alarm.sequence} is pending"
    if run.active:
        return False, f"{pending} until the retraining under way ends ({', '.join(run.active)})."
    lapsed = state.alarm.until is not None and as_of >= state.alarm.until
    if lapsed or _coalesced(run, state) or _breaker_closed(run, state):
        return True, f"{pending}: it is decided again."
    until = "" if state.alarm.until is None else f" until {state.alarm.until:%Y-%m-%d %H:%M} UTC or the next rows"
    return False, f"{pending} and held back{until}."


def _coalesced(run: MonitorRun, state: MonitorState) -> bool:
    """Tell whether the last check found a retraining under way."""
    entry = ledger.find_entry(run.store, run.spec.name, state.sequence)
    return entry is not None and entry.decision.outcome == "coalesce"


def _breaker_closed(run: MonitorRun, state: MonitorState) -> bool:
    closed = ledger.breaker_closed(run.store, run.spec.name)
    return closed is not None and closed.after_sequence >= state.sequence
