"""The sensor ends, is skipped or fails in the same way in all its modes, and holds neither worker nor triggerer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from tests.airflow.conftest import DagRunResult

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

MODES: dict[str, dict[str, Any]] = {
    "deferred": {"deferrable": True},
    "poke": {"deferrable": False, "mode": "poke"},
    "reschedule": {"deferrable": False, "mode": "reschedule"},
}
EVERY_MODE = pytest.mark.parametrize("mode", MODES)


@pytest.fixture
def sense(
    add_spec: Callable[..., Path], run_dag: Callable[..., DagRunResult], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., DagRunResult]:
    """Return a function that runs a monitoring DAG whose sensor is in a mode of its own and waits for some seconds."""
    from perennial_airflow.sensors import new_data

    def run(mode: str, *, seconds: float, model: str, min_rows: int = 50) -> DagRunResult:
        add_spec(model, monitoring={"min_rows": min_rows, "page_hinkley": None})
        end = datetime.now(UTC) + timedelta(seconds=seconds)
        monkeypatch.setattr(new_data, "end_of_wait", lambda *_, **__: end)

        def adjust(dag: DAG) -> None:
            sensor = dag.task_dict["wait_for_rows"]
            sensor.poke_interval = 0.2
            for name, value in MODES[mode].items():
                setattr(sensor, name, value)

        return run_dag(f"{model}.monitor", adjust=adjust)

    return run


@EVERY_MODE
def test_rows_that_are_there_end_the_wait_at_once(
    mode: str, sense: Callable[..., DagRunResult], champion: Callable[..., None], land_orders: Callable[..., None]
) -> None:
    champion(f"there_{mode}")
    land_orders(45)

    run = sense(mode, seconds=0, model=f"there_{mode}")

    assert run.tasks["wait_for_rows"] == "success"
    assert run.xcoms["wait_for_rows"]["rows"] == 100
    assert run.xcoms["wait_for_rows"]["reason"].startswith("100 new rows after 2024-02-09")
    assert run.tasks["move_cursor"] == "success"


@EVERY_MODE
def test_without_rows_the_whole_run_is_skipped_at_the_end_of_the_wait(
    mode: str, sense: Callable[..., DagRunResult], champion: Callable[..., None], land_orders: Callable[..., None]
) -> None:
    champion(f"none_{mode}")
    land_orders(41)

    run = sense(mode, seconds=1.5, model=f"none_{mode}")

    assert run.state == "success"
    assert set(run.tasks.values()) == {"skipped"}
    assert "wait_for_rows" not in run.xcoms


@EVERY_MODE
def test_rows_that_land_during_the_wait_end_it(
    mode: str,
    sense: Callable[..., DagRunResult],
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from perennial.monitoring import waiting

    champion(f"late_{mode}")
    looked, look = [], waiting.waiting

    def land_after_the_second_look(run: Any) -> Any:
        looked.append(look(run))
        if len(looked) == 2:
            land_orders(45)
        return looked[-1]

    monkeypatch.setattr(waiting, "waiting", land_after_the_second_look)

    run = sense(mode, seconds=60, model=f"late_{mode}")

    assert [found.over for found in looked] == [False, False, True]
    assert run.xcoms["wait_for_rows"]["rows"] == 100
    assert run.tasks["move_cursor"] == "success"


@EVERY_MODE
def test_what_cannot_be_mended_by_waiting_fails_at_once(
    mode: str,
    sense: Callable[..., DagRunResult],
    champion: Callable[..., None],
    deployment: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from perennial.monitoring import waiting

    champion(f"broken_{mode}")
    looked, look = [], waiting.waiting

    def break_after_the_first_look(run: Any) -> Any:
        looked.append(1)
        if len(looked) == 2:
            (deployment / "data" / "orders" / "orders.csv").write_text("nothing\n1\n")
        return look(run)

    monkeypatch.setattr(waiting, "waiting", break_after_the_first_look)

    run = sense(mode, seconds=60, model=f"broken_{mode}")

    assert run.state == "failed"
    assert run.tasks["wait_for_rows"] == "failed"
    assert len(looked) == 2
