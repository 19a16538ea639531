"""How a closed check moves the cursors, the detector and the pending alarm. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from perennial.monitoring.records import CheckResult, Decision, MonitorState, OpenCheck


def advance(state: MonitorState, check: OpenCheck, results: Sequence[CheckResult], decision: Decision) -> MonitorState:
    """Return the state after a check.

    A coalesced check moves nothing but its number: its rows, the late ones included, are checked again when the
    retraining that is under way has ended, against whoever is champion then.
    """
    # None of a model without anything to compare with: the next champion that has it is watched from its own snapshot on.
    champion = check.champion.version if check.champion and not check.incomparable else None
    if decision.outcome == "coalesce":
        # The first check begins where its champion's snapshot ends: that must hold for the same rows' next check.
        where = {"cursor": check.cursor or state.cursor, "champion_version": state.champion_version or champion}
        return state.model_copy(update={"sequence": check.sequence, "alarm": decision.alarm, **where})
    return MonitorState(
        sequence=check.sequence,
        cursor=check.as_of,
        matured_cursor=check.matured_until,
        champion_version=champion,
        page_hinkley=next((r.detector for r in results if r.check == "page_hinkley"), None),
        seen=check.seen,
        alarm=decision.alarm,
    )
