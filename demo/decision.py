"""A decision in a few words."""

from __future__ import annotations

from perennial.monitoring.records import LedgerEntry


def in_short(entry: LedgerEntry) -> str:
    """Return the decision and a short reason: `hold: ks, Cool-down; page_hinkley warns`."""
    decision = entry.decision
    fired = [result.test for result in entry.results if result.status == "fired" and result.test not in decision.warned]
    why: list[str] = list(decision.fired or fired)
    if decision.outcome == "hold":
        # The governor's last reason is the limit. Without fired tests that count, `require` is not met yet.
        why.append(decision.reasons[-1].partition(":")[0] if decision.fired else "not often enough yet")
    said = decision.outcome + (f": {', '.join(why)}" if why else "")
    return said + (
        f"; {', '.join(decision.warned)} {'warns' if len(decision.warned) == 1 else 'warn'}" if decision.warned else ""
    )
