"""The metrics that checks send to Airflow's StatsD or OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow.sdk.observability import stats

if TYPE_CHECKING:
    from perennial.monitoring.records import LedgerEntry
    from perennial.spec.monitoring import CheckName

STATISTIC: Mapping[CheckName, str] = {
    "ks": "largest_effect",
    "categorical": "largest_effect",
    "predictions": "largest_effect",
    "page_hinkley": "over_threshold",
    "volume": "rows_since_training",
}
"""The figure that stands for each check; performance has none, since its metrics are the spec's choice."""


def count_check(entry: LedgerEntry) -> None:
    """Send what a check found: `perennial.drift.checks`, `.fired`, `.statistic`, `.rows` and `perennial.retrain.held`."""
    model = {"model": entry.model}
    stats.incr("perennial.drift.checks", tags={**model, "decision": entry.decision.outcome})
    stats.gauge("perennial.drift.rows", entry.check.rows + entry.check.late_rows, tags=model)
    for result in entry.results:
        tags = {**model, "check": result.check}
        if result.status == "fired":
            stats.incr("perennial.drift.fired", tags=tags)
        statistic = result.figures.get(STATISTIC.get(result.check, ""))
        if isinstance(statistic, (int, float)):
            stats.gauge("perennial.drift.statistic", statistic, tags=tags)
    if entry.decision.outcome in ("hold", "coalesce"):
        stats.incr("perennial.retrain.held", tags={**model, "decision": entry.decision.outcome})


def count_retraining(entry: LedgerEntry) -> None:
    """Count a retraining as it is triggered: `perennial.retrain.triggered`."""
    stats.incr("perennial.retrain.triggered", tags={"model": entry.model})
