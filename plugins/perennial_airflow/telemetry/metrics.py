"""The metrics that tasks send to Airflow's StatsD or OpenTelemetry; the scheduler's are in `run_listener`."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.observability import stats

from perennial_airflow.building.schedules import longest_interval

if TYPE_CHECKING:
    from perennial.monitoring.records import DriftTestResult, LedgerEntry
    from perennial.promotion.records import Verdict
    from perennial.spec import ModelSpec
    from perennial.spec.monitoring import DriftTestName

STATISTIC: Mapping[DriftTestName, str] = {
    "ks": "largest_effect",
    "categorical": "largest_effect",
    "predictions": "largest_effect",
    "page_hinkley": "over_threshold",
    "volume": "rows_since_training",
}
"""The figure of each test that is sent; performance has none here, since the spec chooses its metrics."""


def count_look(spec: ModelSpec) -> None:
    """Send when rows were last looked for (`perennial.monitor.last_look`), and the interval of the schedule."""
    model = {"model": spec.name}
    _gauge("perennial.monitor.last_look", time.time(), model)
    schedule = spec.watch.schedule
    if schedule is not None:
        interval = longest_interval(schedule, datetime.now(UTC))
        _gauge("perennial.monitor.interval_seconds", interval.total_seconds(), model)


def count_check(spec: ModelSpec, entry: LedgerEntry) -> None:
    """Send results and decision of a check: `perennial.drift.*`, `perennial.champion.*`, `perennial.retrain.*`."""
    model, decision = {"model": entry.model}, entry.decision
    stats.incr("perennial.drift.checks", tags={**model, "decision": decision.outcome})
    _gauge("perennial.drift.last_check", time.time(), model)
    _gauge("perennial.drift.rows", entry.check.rows + entry.check.late_rows, model)
    for result in entry.results:
        tags = {**model, "test": result.test}
        if result.status == "fired":
            stats.incr("perennial.drift.fired", tags=tags)
        _gauge("perennial.drift.statistic", result.figures.get(STATISTIC.get(result.test, "")), tags)
        if result.test == "performance":
            _send_performance(spec, result)
    _gauge("perennial.retrain.breaker_open", int(decision.held_by == "breaker"), model)
    if decision.outcome in ("hold", "coalesce"):
        stats.incr("perennial.retrain.held", tags={**model, "decision": decision.outcome})


def _send_performance(spec: ModelSpec, result: DriftTestResult) -> None:
    primary, model = spec.evaluation.primary, {"model": spec.name}
    metric = {**model, "metric": primary}
    _gauge("perennial.champion.metric", result.figures.get(primary), {**metric, "rows": "matured"})
    wanted = spec.watch.performance
    if wanted is not None:
        _gauge("perennial.champion.floor", {**wanted.minimum, **wanted.maximum}.get(primary), metric)
    if wanted is not None and result.status != "not tested":
        _gauge("perennial.champion.under_floor", int(bool(result.figures["floors_breached"])), model)


def count_retraining(entry: LedgerEntry) -> None:
    """Count a retraining as it is triggered: `perennial.retrain.triggered`."""
    stats.incr("perennial.retrain.triggered", tags={"model": entry.model})


def count_promotion(spec: ModelSpec, verdict: Verdict, evidence: Mapping[str, Any] | None) -> None:
    """Send the new champion's primary metric and, after drift, the time from the check to the promotion.

    Parameters
    ----------
    spec : ModelSpec
    verdict : Verdict
        The verdict by which it was promoted.
    evidence : mapping or None
        The evidence of the check that triggered the retraining.
    """
    model = {"model": spec.name}
    primary = next((gate.value for gate in verdict.gates if gate.name == "primary metric"), None)
    _gauge("perennial.champion.metric", primary, {**model, "metric": spec.evaluation.primary, "rows": "holdout"})
    # The last values of these gauges were about the champion before.
    _gauge("perennial.champion.under_floor", 0, model)
    _gauge("perennial.retrain.breaker_open", 0, model)
    # The conf may contain anything, and the champion has moved already: this must not fail the task.
    with suppress(KeyError, TypeError, ValueError):
        seconds = datetime.now(UTC) - datetime.fromisoformat((evidence or {})["opened_at"])
        _gauge("perennial.retrain.seconds_to_champion", seconds.total_seconds(), model)


def _gauge(name: str, value: object, tags: Mapping[str, str]) -> None:
    """Send a figure, unless it is missing or not a finite number."""
    if isinstance(value, (int, float)) and math.isfinite(value):
        stats.gauge(name, value, tags=dict(tags))
