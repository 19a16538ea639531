"""The DAG files parse into the pipeline that they promise, the same at every parse, and without loading what tasks need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).parents[2] / "dags"
PIPELINE = ["ingest", "validate", "train", "evaluate", "decide", "refit", "register", "promote"]
MONITORING = {"schedule": {"cron": "0 * * * *", "time_zone": "America/New_York"}}
TESTS = ["ks", "categorical", "predictions", "page_hinkley", "performance", "volume"]
CHAIN = ["wait_for_rows", "open_check", *(f"tests.{test}" for test in TESTS)]
CHAIN += ["govern", "trigger_retraining", "move_cursor"]
HEAVY = ["pandas", "numpy", "scipy", "sklearn", "mlflow", "great_expectations", "boto3", "pyarrow"]


def test_the_repositorys_own_specs_become_dags(load_dags: Callable[[], DagBag]) -> None:
    bag = load_dags()

    assert bag.import_errors == {}
    assert "flight_delay.retrain" in bag.dags


def test_the_tasks_run_one_after_the_other(add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]) -> None:
    add_spec()
    dag = load_dags().dags["orders.retrain"]

    assert [task.task_id for task in dag.topological_sort()] == PIPELINE
    for before, after in pairwise(PIPELINE):
        assert after in dag.task_dict[before].downstream_task_ids


def test_only_a_spec_that_asks_for_several_models_draws_the_task_that_puts_them_together(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    add_spec(model={"estimator": "sklearn.linear_model.LogisticRegression", "ensemble": {"members": 3}})
    dag = load_dags().dags["orders.retrain"]

    assert [task.task_id for task in dag.topological_sort()] == [*PIPELINE[:6], "assemble", *PIPELINE[6:]]
    assert dag.task_dict["assemble"].upstream_task_ids >= {"refit"}
    assert "assemble" in dag.task_dict["register"].upstream_task_ids


def test_only_a_spec_that_asks_for_packages_draws_the_tasks_that_make_run_and_publish_them(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    add_spec(packages=["wheel"], publish={"connection": "pypi"})
    dag = load_dags().dags["orders.retrain"]

    assert [task.task_id for task in dag.topological_sort()] == [
        *PIPELINE[:6],
        "package",
        "rehearse",
        *PIPELINE[6:],
        "publish",
    ]
    # What is registered and promoted is what the rehearsal left of the verdict.
    for judged in ("register", "promote"):
        assert dag.task_dict[judged].takes["verdict"].operator.task_id == "rehearse"
    # A refit that is off skips its task, and the packages are made of the model that was judged.
    assert dag.task_dict["package"].trigger_rule == "none_failed"
    assert dag.task_dict["publish"].trigger_rule == "all_success"


def test_the_tests_run_side_by_side_between_opening_and_governing(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    add_spec(monitoring=MONITORING)
    dag = load_dags().dags["orders.monitor"]
    tests = {f"tests.{test}" for test in TESTS}

    assert [task.task_id for task in dag.topological_sort()] == CHAIN
    assert dag.task_dict["open_check"].downstream_task_ids >= tests
    assert all(dag.task_dict[test].upstream_task_ids == {"open_check"} for test in tests)
    assert dag.task_dict["govern"].upstream_task_ids == tests | {"open_check"}
    assert dag.task_dict["move_cursor"].upstream_task_ids == {"govern", "trigger_retraining"}


def test_the_monitor_takes_a_champion_back_only_where_the_spec_lets_it(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    from airflow.sdk import Asset

    floors = MONITORING | {"performance": {"minimum": {"roc_auc": 0.6}}}
    add_spec("asking", monitoring=floors, auto_rollback={"days": 7})
    add_spec("acting", monitoring=floors, auto_rollback={"days": 7, "when": "act"})
    dags = load_dags().dags
    roll_back = dags["acting.monitor"].task_dict["roll_back"]

    assert "roll_back" not in dags["asking.monitor"].task_dict
    assert roll_back.upstream_task_ids == {"govern"}
    assert roll_back.downstream_task_ids == {"move_cursor"}
    assert roll_back.outlets == [Asset("perennial://acting/champion")]


def test_a_backtest_trains_one_model_for_each_moment_in_the_heavy_pool(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    add_spec(resources={"pool": "big"})
    dag = load_dags().dags["orders.backtest"]
    train = dag.task_dict["train"]

    assert [task.task_id for task in dag.topological_sort()] == ["begin", "train", "compare"]
    assert train.is_mapped
    assert train.upstream_task_ids == {"begin"}
    assert dag.task_dict["compare"].upstream_task_ids == {"begin", "train"}
    assert {task.pool for task in dag.tasks} == {"big"}
    assert (dag.schedule, set(dag.params)) == (None, {"as_of", "days", "batches"})


def test_a_rollback_examines_before_it_moves_and_its_form_wants_a_reason(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    from airflow.sdk import Asset
    from airflow.sdk.exceptions import ParamValidationError

    add_spec()
    dag = load_dags().dags["orders.rollback"]

    assert [task.task_id for task in dag.topological_sort()] == ["choose", "examine", "roll_back"]
    assert (dag.schedule, dag.params["version"], dag.params["force"]) == (None, "previous", False)
    assert dag.task_dict["roll_back"].outlets == [Asset("perennial://orders/champion")]
    assert dag.params.get_param("version").resolve("list") == "list"
    for name, value in (("version", "newest"), ("reason", ""), ("force", "yes")):
        with pytest.raises(ParamValidationError):
            dag.params.get_param(name).resolve(value)
    with pytest.raises(ParamValidationError, match="no default value"):
        dag.params.get_param("reason").resolve()


def test_only_a_spec_with_monitoring_is_watched(add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]) -> None:
    add_spec("watched", monitoring={})
    add_spec("unwatched")

    assert set(load_dags().dags) == {
        "watched.retrain",
        "watched.monitor",
        "watched.backtest",
        "watched.rollback",
        "unwatched.retrain",
        "unwatched.backtest",
        "unwatched.rollback",
    }


def test_every_dag_survives_serialization(add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    add_spec(schedule={"cron": "0 6 * * 1", "time_zone": "America/New_York"}, monitoring=MONITORING)
    for dag in load_dags().dags.values():
        serialized = json.loads(json.dumps(DagSerialization.to_dict(dag)))
        again = DagSerialization.from_dict(serialized)

        assert again.dag_id == dag.dag_id
        assert {task.task_id: task.downstream_task_ids for task in again.tasks} == {
            task.task_id: task.downstream_task_ids for task in dag.tasks
        }


def test_two_parses_make_the_same_dag(add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    add_spec(schedule={"cron": "0 6 * * 1"}, monitoring=MONITORING)
    first, second = ({name: DagSerialization.to_dict(dag) for name, dag in load_dags().dags.items()} for _ in range(2))

    assert set(first) == {"orders.retrain", "orders.monitor", "orders.backtest", "orders.rollback"}
    assert json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


@pytest.mark.parametrize("file", sorted(DAGS.glob("*.py")), ids=lambda path: path.name)
def test_no_dag_file_depends_on_when_it_is_parsed(file: Path) -> None:
    from airflow.utils.dag_version_inflation_checker import check_dag_file_stability

    assert check_dag_file_stability(str(file)).runtime_varying_values == {}


def test_the_spec_sets_schedule_owner_tags_and_page(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    from airflow.sdk import CronTriggerTimetable

    add_spec(schedule={"cron": "0 6 * * 1", "time_zone": "America/New_York"}, tags=["desk"])
    add_spec("returns")
    bag = load_dags()
    dag, unscheduled = bag.dags["orders.retrain"], bag.dags["returns.retrain"]

    assert isinstance(dag.timetable, CronTriggerTimetable)
    assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("0 6 * * 1", "America/New_York")
    assert unscheduled.schedule is None
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert {"desk", "perennial", "retraining"} == set(dag.tags)
    assert {task.owner for task in dag.tasks} == {"customer-desk"}
    assert dag.description == "Which orders arrive late."
    assert "| `roc_auc` | at least 0.6 |" in dag.doc_md


def test_the_next_scheduled_run_is_known_without_a_start_date(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    add_spec(schedule={"cron": "0 6 * * 1", "time_zone": "America/New_York"})
    dag = load_dags().dags["orders.retrain"]
    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(dag))

    info = scheduled.next_dagrun_info(last_automated_run_info=None)

    assert info is not None
    local = info.run_after.in_timezone("America/New_York")
    assert (local.day_of_week, local.hour, local.minute) == (0, 6, 0)


def test_the_trigger_form_takes_what_a_person_would_type(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    add_spec()
    params = load_dags().dags["orders.retrain"].params

    assert dict(params) == {"as_of": None, "window_days": None, "dry_run": False, "reason": None}
    for name in params:
        assert params.get_param(name).description
    typed = {"as_of": "2013-03-01T00:00:00Z", "window_days": 30.5, "dry_run": True, "reason": "new fleet"}
    for name, value in typed.items():
        assert params.get_param(name).resolve(value) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [("as_of", "yesterday"), ("as_of", "2013-03-01"), ("window_days", 0), ("window_days", "30"), ("dry_run", "yes")],
)
def test_the_trigger_form_refuses_what_means_nothing(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag], name: str, value: Any
) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    add_spec()
    param = load_dags().dags["orders.retrain"].params.get_param(name)

    with pytest.raises(ParamValidationError):
        param.resolve(value)


def test_the_monitoring_dag_follows_the_spec_too(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    add_spec(monitoring={**MONITORING, "min_rows": 800}, tags=["desk"], retraining={"cooldown_days": 2})
    dag = load_dags().dags["orders.monitor"]

    assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("0 * * * *", "America/New_York")
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert set(dag.tags) == {"desk", "perennial", "monitoring"}
    assert {task.owner for task in dag.tasks} == {"customer-desk"}
    assert dict(dag.params) == {"as_of": None}
    assert "| Waits for | 800 new rows |" in dag.doc_md
    assert "| Cool-down | 2 days |" in dag.doc_md


def test_a_retraining_takes_what_the_monitor_sends_besides_the_form(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    from airflow.sdk.definitions.param import process_params

    add_spec()
    dag = load_dags().dags["orders.retrain"]
    conf = {"reason": "drift", "evidence": {"check": 12, "figures": {"ks": {"largest_effect": 0.4}}}}

    for task in dag.tasks:
        assert process_params(dag, task, conf, suppress_exception=False)["reason"] == "drift"


def test_promote_tells_of_the_champion(add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]) -> None:
    add_spec()
    dag = load_dags().dags["orders.retrain"]

    assert {task.task_id: [asset.uri for asset in task.outlets] for task in dag.tasks if task.outlets} == {
        "promote": ["perennial://orders/champion"]
    }


def test_govern_may_tell_of_drift(add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]) -> None:
    from airflow.sdk import AssetAlias

    add_spec(monitoring=MONITORING)
    dag = load_dags().dags["orders.monitor"]

    assert {task.task_id: task.outlets for task in dag.tasks if task.outlets} == {
        "govern": [AssetAlias("perennial://orders/drift")]
    }


@pytest.mark.parametrize("dag_id", ["returns.retrain", "returns.monitor", "returns.backtest", "returns.rollback"])
def test_a_task_builds_its_own_dag_only(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag], monkeypatch: pytest.MonkeyPatch, dag_id: str
) -> None:
    add_spec("orders", monitoring=MONITORING)
    add_spec("returns", monitoring=MONITORING)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)  # as Airflow's task runner does

    assert set(load_dags().dags) == {dag_id}


def test_parsing_loads_no_library_of_the_stages(airflow_home: Path, add_spec: Callable[..., Path]) -> None:
    add_spec(schedule={"cron": "0 6 * * 1"}, monitoring=MONITORING)
    code = f"""
import sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

bag = DagBag({str(DAGS)!r})
assert sorted(bag.dags) == ["orders.backtest", "orders.monitor", "orders.retrain", "orders.rollback"], bag.import_errors
[DagSerialization.to_dict(dag) for dag in bag.dags.values()]
print("loaded:", [name for name in {HEAVY} if name in sys.modules])
"""
    parsed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ, timeout=120
    )

    assert "loaded: []" in parsed.stdout
