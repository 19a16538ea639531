"""A summary of what a check found, sent with the retraining that it triggers and with the drift event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from perennial_airflow.xcom import to_xcom

if TYPE_CHECKING:
    from perennial.monitoring.records import LedgerEntry


def evidence(entry: LedgerEntry) -> dict[str, Any]:
    """Return the evidence as JSON: check, rows, tests that fired, all figures, drifted columns, and the decision."""
    check, decision = entry.check, entry.decision
    return {
        "check": entry.sequence,
        "as_of": entry.as_of.isoformat(),
        "champion": check.champion.version if check.champion else None,
        "rows": check.rows,
        "late_rows": check.late_rows,
        "matured_rows": check.matured_rows,
        "fired": [result.test for result in entry.results if result.status == "fired"],
        "drifted": [column.column for result in entry.results for column in result.columns if column.drifted],
        "figures": {result.test: to_xcom(result)["figures"] for result in entry.results},
        "decision": decision.outcome,
        "caused_by": list(decision.fired),
        "reasons": list(decision.reasons),
    }


def evidence_of(conf: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the evidence in the conf of a run, None if there is none.

    Anyone who triggers a run may put anything into its conf: do not rely on any key.
    """
    found = (conf or {}).get("evidence")
    return found if isinstance(found, Mapping) else None
