"""Set a model's cursor back by hand, as an entry of its own in the ledger, so that checks under way cannot undo it."""

from __future__ import annotations

from datetime import UTC, datetime

from perennial.digests import check_digest
from perennial.errors import PerennialError
from perennial.monitoring import ledger
from perennial.monitoring.records import Alarm, Decision, LedgerEntry, MonitorState, OpenCheck, SetBack
from perennial.monitoring.start_of_watch import start_of_watch
from perennial.monitoring.state import load_state
from perennial.monitoring.steps import close_check
from perennial.registry.champions import current_champion
from perennial.run import MonitorRun


class CannotSetCursor(PerennialError):
    """The cursor cannot be set; it stays where it is."""


def set_cursor(run: MonitorRun, to: datetime, *, by: str, reason: str) -> LedgerEntry:
    """Make rows after an event time new again, so that the next check tests them, even if they were checked before.

    Page-Hinkley starts again, and a pending alarm is decided again with the next check. A check that was begun and not
    decided is dropped, and its number is used. Repeated after a crash, the call completes what was begun.

    Parameters
    ----------
    run : MonitorRun
    to : datetime
        With a time zone.
    by, reason : str
        Who does it and why; recorded in the ledger.

    Raises
    ------
    CannotSetCursor
        There is no champion; the cursor is at or before `to`; or a check was decided and not closed.
    DataError
        The champion's snapshot is gone.
    """
    model = run.spec.name
    state, _ = load_state(run.store, model)
    champion = current_champion(run.store, run.tracking_uri, model)
    if champion is None:
        raise CannotSetCursor(f"{model} has no champion, so no rows are compared and there is no cursor to set")
    watched = state.cursor if state.champion_version is not None else None
    cursor = watched or start_of_watch(run, champion, state)
    if to >= cursor:
        raise CannotSetCursor(
            f"the cursor of {model} stands at {cursor.isoformat()}: it can only be set back, to an earlier time, "
            "since rows that it skips would never be checked"
        )
    if to > run.now:
        raise CannotSetCursor(f"{to.isoformat()} lies in the future: give the newest event time that was checked")
    to = to.astimezone(UTC)
    entry = LedgerEntry(
        sequence=state.sequence + 1,
        model=model,
        as_of=to,
        check=OpenCheck(
            model=model,
            sequence=state.sequence + 1,
            as_of=to,
            watched_as=check_digest(run.spec),
            champion=champion,
            cursor=cursor,
            batch=None,
            rows=0,
            late_rows=0,
            matured=None,
            matured_rows=0,
            matured_until=min(state.matured_cursor or to, to),
            too_late_rows=0,
            seen=state.seen if state.seen and state.seen.after <= to else None,
            rows_since_training=0,
        ),
        results=(),
        decision=Decision(
            outcome="none",
            reasons=(f"{by} set the cursor back from {cursor:%Y-%m-%d %H:%M} to {to:%Y-%m-%d %H:%M} UTC: {reason}",),
            alarm=_lapsed(state.alarm, to),
        ),
        last_trigger=_last_trigger(run, state),
        set_back=SetBack(sequence=state.sequence + 1, to=to, by=by, reason=reason),
    )
    if ledger.append(run.store, entry) != entry:
        raise CannotSetCursor(
            f"check {entry.sequence} of {model} is decided and has not ended: let it end (perennial monitor {model} "
            "--once, or Airflow), then set the cursor"
        )
    close_check(run, entry)
    return entry


def _lapsed(alarm: Alarm | None, to: datetime) -> Alarm | None:
    """Return an alarm that is decided again at once: the time for which it waits may never come."""
    return alarm and alarm.model_copy(update={"until": min(alarm.until or to, to)})


def _last_trigger(run: MonitorRun, state: MonitorState) -> int | None:
    last = next(ledger.triggers_before(run.store, run.spec.name, state.sequence + 1), None)
    return last.sequence if last else None
