"""How a closed check moves the cursors, the detector and the pending alarm. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from perennial.monitoring.records import CheckResult, Decision, MonitorState, OpenCheck


def advance(state: MonitorState, check: OpenCheck, results: Sequence[CheckResult], decision: Decision) -> MonitorState:
    """Return the state after a check.

    A coalesced check moves nothing but its number: its rows are checked again when the retraining that is under
    way has ended, against whoever is champion then.
    """
    if decision.outcome == "coalesce":
        return state.model_copy(update={"sequence": check.sequence, "alarm": decision.alarm})
    detector = next((r.detector for r in results if r.check == "page_hinkley"), None)
    return MonitorState(
        sequence=check.sequence,
        cursor=check.as_of,
        matured_cursor=check.matured_until or state.matured_cursor,
        champion_version=check.champion.version if check.champion else None,
        page_hinkley=detector,
        seen=check.seen or state.seen,
        alarm=decision.alarm,
    )
