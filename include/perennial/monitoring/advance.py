"""Compute the state after a check: cursors, detector and pending alarm. Pure functions."""

from __future__ import annotations

from perennial.drift.charts.chart_state import ChartState
from perennial.monitoring.records import LedgerEntry, MonitorState
from perennial.spec.monitoring import DriftTestName


def advance(state: MonitorState, entry: LedgerEntry) -> MonitorState:
    """Return the state after a check.

    A coalesced check changes only the number of the last check: its rows, including late ones, are checked again when
    the retraining under way has ended, against the champion of that time.
    """
    check, decision = entry.check, entry.decision
    # None without a champion to compare with: the next such champion is monitored from the end of its own snapshot on.
    champion = check.champion.version if check.champion and not check.incomparable else None
    if decision.outcome == "coalesce":
        # The first check begins where its champion's snapshot ends. The repeated check of the same rows must begin
        # there too.
        where = {"cursor": check.cursor or state.cursor, "champion_version": state.champion_version or champion}
        return state.model_copy(update={"sequence": check.sequence, "alarm": decision.alarm, **where})
    return MonitorState(
        sequence=check.sequence,
        cursor=check.cursor_after or check.as_of,
        matured_cursor=check.matured_until,
        champion_version=champion,
        page_hinkley=next((r.detector for r in entry.results if r.test == "page_hinkley"), None),
        charts=_charts(state, entry, champion),
        seen=check.seen,
        alarm=decision.alarm,
        set_back=entry.set_back or state.set_back,
    )


def _charts(state: MonitorState, entry: LedgerEntry, champion: str | None) -> dict[DriftTestName, ChartState]:
    """Return what the charts know: where columns could not be tested, what they knew before of the same champion."""
    if entry.set_back is not None:
        return {}
    kept = state.charts if state.champion_version == champion else {}
    return {**kept, **{result.test: result.chart for result in entry.results if result.chart is not None}}
