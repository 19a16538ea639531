"""A whole backtest in Airflow: one task for each moment, a page, and nothing registered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.airflow.conftest import DagRunResult

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


def test_a_backtest_ends_in_a_page_and_is_found_again(
    deployment: Path,
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
) -> None:
    add_spec(monitoring={"page_hinkley": None}, retraining={"triggers": ["ks"]})
    land_orders(60)

    first = run_dag("orders.backtest", batches=4)
    kept = {path: path.stat().st_mtime_ns for path in deployment.rglob("models/*.json")}
    again = run_dag("orders.backtest", batches=4)

    assert (first.state, set(first.tasks.values())) == ("success", {"success"})
    assert [moment["number"] for moment in first.xcoms["begin"]] == [0, 1, 2, 3]
    (page,) = deployment.rglob("backtest.html")
    assert page.parent.name == first.xcoms["compare"]["replay"] == again.xcoms["compare"]["replay"]
    assert first.link("compare", "BacktestPageLink").endswith(f"/orders/backtests/{page.parent.name}/backtest.html")
    assert len(kept) == 4
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert not list(deployment.rglob("bundles/*"))
