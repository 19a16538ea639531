"""What tasks send to Airflow's metrics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perennial.monitoring.records import Decision, DriftTestResult, LedgerEntry, OpenCheck
from perennial.promotion.records import GateResult
from perennial.spec import ModelSpec
from perennial_airflow.telemetry import metrics
from perennial_airflow.telemetry.metrics import count_check, count_look, count_promotion, count_retraining
from tests.airflow.conftest import small_spec
from tests.verdicts import judged

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]

NOW = datetime(2024, 2, 14, tzinfo=UTC)


class Received(set[tuple[str, float, frozenset[tuple[str, str]]]]):
    """A backend of Airflow's metrics that keeps what it is sent: name, value and tags."""

    def incr(self, stat: str, count: int = 1, rate: float = 1, *, tags: dict[str, str], **_: Any) -> None:
        self.add((stat, count, frozenset(tags.items())))

    def gauge(self, stat: str, value: float, rate: float = 1, *, tags: dict[str, str], **_: Any) -> None:
        self.add((stat, value, frozenset(tags.items())))


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Received:
    from airflow.sdk._shared.observability.metrics import stats

    backend = Received()
    monkeypatch.setattr(stats, "_backend", backend)
    return backend


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.time, "time", NOW.timestamp)


def spec(**fields: Any) -> ModelSpec:
    return ModelSpec.model_validate(small_spec("orders") | fields)


def metric(name: str, value: float, **tags: str) -> tuple[str, float, frozenset[tuple[str, str]]]:
    return name, value, frozenset({"model": "orders", **tags}.items())


def entry(outcome: str, **performance: Any) -> LedgerEntry:
    check = OpenCheck(
        model="orders", sequence=12, as_of=NOW, watched_as="", champion=None, cursor=None, batch=None, rows=100,
        late_rows=3, matured=None, matured_rows=0, matured_until=None, too_late_rows=0, seen=None, rows_since_training=0,
    )  # fmt: skip
    results = (
        DriftTestResult(test="ks", status="fired", sentence="", figures={"largest_effect": 0.4}),
        DriftTestResult(test="performance", sentence="", **{"status": "not tested", **performance}),
    )
    held_by = "breaker" if outcome == "hold" else None
    decision = Decision(outcome=outcome, reasons=(), held_by=held_by)
    return LedgerEntry(sequence=12, model="orders", as_of=NOW, check=check, results=results, decision=decision)


VERDICT = judged(gates=[GateResult(name="primary metric", passed=True, sentence="", value=0.71)])


def test_a_check_sends_its_figures_and_what_became_of_it(received: Received) -> None:
    count_check(spec(), entry("hold"))

    assert received == {
        metric("perennial.drift.checks", 1, decision="hold"),
        metric("perennial.drift.last_check", NOW.timestamp()),
        metric("perennial.drift.rows", 103),
        metric("perennial.drift.fired", 1, test="ks"),
        metric("perennial.drift.statistic", 0.4, test="ks"),
        metric("perennial.retrain.breaker_open", 1),
        metric("perennial.retrain.held", 1, decision="hold"),
    }


def test_a_breaker_that_holds_nothing_back_any_more_is_closed(received: Received) -> None:
    count_check(spec(), entry("trigger"))

    assert metric("perennial.retrain.breaker_open", 0) in received


@pytest.mark.parametrize(("status", "breached", "under"), [("fired", 1, 1), ("fired", 0, 0), ("quiet", 0, 0)])
def test_a_champion_past_its_floor_is_told_from_one_that_is_not(
    received: Received, status: str, breached: int, under: int
) -> None:
    monitoring = {"performance": {"minimum": {"roc_auc": 0.6}}}

    found = {"roc_auc": 0.55, "mean_loss_rise": 1.5, "floors_breached": breached}
    count_check(spec(monitoring=monitoring), entry("none", status=status, figures=found))

    assert metric("perennial.champion.metric", 0.55, metric="roc_auc", rows="matured") in received
    assert metric("perennial.champion.floor", 0.6, metric="roc_auc") in received
    assert metric("perennial.champion.under_floor", under) in received


def test_what_was_not_tested_says_nothing_of_the_champion(received: Received) -> None:
    count_check(spec(), entry("none", figures={"roc_auc": None}))

    assert not [name for name, _, _ in received if name.startswith("perennial.champion")]


def test_a_look_says_when_the_next_is_due(received: Received) -> None:
    count_look(spec(monitoring={"schedule": {"every_minutes": 10}}))

    assert received == {
        metric("perennial.monitor.last_look", NOW.timestamp()),
        metric("perennial.monitor.interval_seconds", 600),
    }


def test_a_schedule_for_working_days_is_not_late_at_the_weekend(received: Received) -> None:
    count_look(spec(monitoring={"schedule": {"cron": "0 6 * * 1-5"}}))

    assert metric("perennial.monitor.interval_seconds", 3 * 86400) in received


def test_a_model_that_is_watched_when_asked_for_is_never_late(received: Received) -> None:
    count_look(spec(monitoring={}))

    assert received == {metric("perennial.monitor.last_look", NOW.timestamp())}


def test_a_promotion_sends_the_champions_metric_and_settles_what_was_said_of_the_one_before(received: Received) -> None:
    count_promotion(spec(), VERDICT, None)

    assert received == {
        metric("perennial.champion.metric", 0.71, metric="roc_auc", rows="holdout"),
        metric("perennial.champion.under_floor", 0),
        metric("perennial.retrain.breaker_open", 0),
    }


def test_from_drift_to_champion_is_counted_from_the_opening_of_the_check(received: Received) -> None:
    opened_at = datetime.now(UTC) - timedelta(minutes=5)

    count_promotion(spec(), VERDICT, {"opened_at": opened_at.isoformat()})

    (seconds,) = [value for name, value, _ in received if name == "perennial.retrain.seconds_to_champion"]
    assert seconds == pytest.approx(300, abs=30)


@pytest.mark.parametrize("opened_at", ["soon", None, 12, "2024-02-14T00:00:00"])
def test_evidence_that_someone_made_up_does_not_fail_a_promotion(received: Received, opened_at: Any) -> None:
    count_promotion(spec(), VERDICT, {"opened_at": opened_at})

    assert not [name for name, _, _ in received if name == "perennial.retrain.seconds_to_champion"]


def test_a_retraining_is_counted(received: Received) -> None:
    count_retraining(entry("trigger"))

    assert received == {metric("perennial.retrain.triggered", 1)}
