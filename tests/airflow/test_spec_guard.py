"""A spec with errors is seen by people and costs nobody else's DAG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from perennial.spec import ModelSpec, Schedule
from perennial_airflow.building.schedules import timetable

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

pytestmark = pytest.mark.airflow


def test_invalid_specs_are_one_import_error_that_lists_them_all(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    add_spec("good")
    misspelt = add_spec("misspelt", owner=None, ownr="me")
    contradictory = add_spec("contradictory", evaluation={"holdout": {"days": 90}, "primary": "roc_auc"})

    bag = load_dags()

    assert set(bag.dags) == {"good.retrain", "good.backtest", "good.rollback"}
    ((file, error),) = bag.import_errors.items()
    assert Path(file).name == "spec_guard.py"
    assert f"{misspelt}:" in error
    assert "did you mean 'owner'?" in error
    assert f"{contradictory}:" in error


def test_a_folder_that_is_not_there_is_seen_too(
    models: Path, load_dags: Callable[[], DagBag], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERENNIAL_MODELS", str(models / "elsewhere"))

    bag = load_dags()

    assert not bag.dags
    assert "elsewhere" in "".join(bag.import_errors.values())


def test_a_mended_spec_takes_the_error_away(add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]) -> None:
    add_spec(owner=["nobody"])
    assert load_dags().import_errors

    add_spec()

    bag = load_dags()
    assert bag.import_errors == {}
    assert set(bag.dags) == {"orders.retrain", "orders.backtest", "orders.rollback"}


def test_whatever_one_file_holds_the_other_models_have_their_dags(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag], models: Path
) -> None:
    add_spec("good", monitoring={})
    early = add_spec("early", source={"uri": "x", "event_time": "at", "window": {"since": "0001-01-01T00:00+14:00"}})
    often = add_spec("often", monitoring={"schedule": {"every_minutes": 999_999_999_999_999}})
    bomb, deep = models / "bomb.yaml", models / "deep.yaml"
    bomb.write_text("".join(f"b{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9 if i else 'x')}]\n" for i in range(40)))
    deep.write_text("[" * 200_000)

    bag = load_dags()

    assert set(bag.dags) == {"good.retrain", "good.monitor", "good.backtest", "good.rollback"}
    ((file, error),) = bag.import_errors.items()
    assert Path(file).name == "spec_guard.py"
    for path in (early, often, bomb, deep):
        assert f"{path}:" in error


def test_a_spec_that_no_dag_can_be_built_from_costs_its_own_dags_only_and_is_seen(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag], monkeypatch: pytest.MonkeyPatch
) -> None:
    from perennial_airflow.building import buildable, dag_pages

    def failing(spec: ModelSpec) -> str:
        if spec.name == "odd":
            raise OverflowError("nobody thought of this")
        return ""

    monkeypatch.setattr(dag_pages, "spec_page", failing)
    monkeypatch.setattr(buildable, "spec_page", failing)
    add_spec("good")
    odd = add_spec("odd")

    bag = load_dags()

    assert set(bag.dags) == {"good.retrain", "good.backtest", "good.rollback"}
    ((file, error),) = bag.import_errors.items()
    assert Path(file).name == "spec_guard.py"
    assert f"{odd}: cannot be used: OverflowError: nobody thought of this" in error


def test_the_largest_values_that_a_spec_may_have_become_dags(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    add_spec(
        "x" * 200,
        owner="o" * 250,
        tags=["t" * 100],
        source={"uri": "x", "event_time": "at", "window": {"since": "0001-01-01T00:00:00Z"}},
        resources={"pool": "p" * 250, "queue": "q" * 250, "priority": 1000, "cpu": 10_000, "memory": "999999999Ti"},
        schedule={"cron": "59 23 29 feb *", "time_zone": "Pacific/Kiritimati"},
        monitoring={"schedule": {"every_minutes": 366 * 24 * 60}, "lateness_days": 3_652_059, "min_rows": 10**15},
        retraining={"cooldown_days": 3_652_059, "breaker": {"reset_days": 3_652_059}},
    )

    bag = load_dags()

    assert bag.import_errors == {}
    assert len(bag.dags) == 4
    for dag in bag.dags.values():
        again = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        scheduled = again.next_dagrun_info(last_automated_run_info=None) is not None
        assert scheduled != again.dag_id.endswith((".backtest", ".rollback"))


numbers = st.integers(0, 70).map(str)
words = st.sampled_from(["*", "*/7", "jan", "MON", "fri", "0-7", "1-5/2", "7", "5/10", "L", "?", "1#2", "00", "*/60"])
items = st.one_of(numbers, words, st.tuples(numbers, numbers).map("-".join))
crons = st.lists(st.lists(items, min_size=1, max_size=3).map(",".join), min_size=5, max_size=5).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(cron=crons)
def test_each_cron_expression_that_a_spec_may_have_is_one_for_airflow(cron: str) -> None:
    from airflow.serialization.serialized_objects import decode_timetable, encode_timetable
    from airflow.timetables.base import TimeRestriction

    try:
        schedule = Schedule(cron=cron)
    except ValidationError:
        return
    in_scheduler = decode_timetable(encode_timetable(timetable(schedule)))
    in_scheduler.validate()
    restriction = TimeRestriction(earliest=None, latest=None, catchup=False)
    assert in_scheduler.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
