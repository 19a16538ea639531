"""What checks send to Airflow's metrics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from perennial.monitoring.records import CheckResult, Decision, LedgerEntry, OpenCheck
from perennial_airflow.metrics import count_check, count_retraining

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


def metric(name: str, value: float, **tags: str) -> tuple[str, float, frozenset[tuple[str, str]]]:
    return name, value, frozenset({"model": "orders", **tags}.items())


def entry(outcome: str) -> LedgerEntry:
    check = OpenCheck(
        model="orders", sequence=12, as_of=NOW, spec_digest="", champion=None, cursor=None, batch=None, rows=100,
        late_rows=3, matured=None, matured_rows=0, matured_until=None, too_late_rows=0, seen=None, rows_since_training=0,
    )  # fmt: skip
    results = (
        CheckResult(check="ks", status="fired", sentence="", figures={"largest_effect": 0.4}),
        CheckResult(check="performance", status="not tested", sentence=""),
    )
    decision = Decision(outcome=outcome, reasons=())
    return LedgerEntry(sequence=12, model="orders", as_of=NOW, check=check, results=results, decision=decision)


def test_a_check_sends_its_figures_and_what_became_of_it(received: Received) -> None:
    count_check(entry("hold"))

    assert received == {
        metric("perennial.drift.checks", 1, decision="hold"),
        metric("perennial.drift.rows", 103),
        metric("perennial.drift.fired", 1, check="ks"),
        metric("perennial.drift.statistic", 0.4, check="ks"),
        metric("perennial.retrain.held", 1, decision="hold"),
    }


def test_a_retraining_is_counted(received: Received) -> None:
    count_retraining(entry("trigger"))

    assert received == {metric("perennial.retrain.triggered", 1)}
