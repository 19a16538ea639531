"""Whole runs of the DAG with the real library, MLflow and store: what people find in Airflow afterwards."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.airflow.conftest import DagRunResult
    from tests.conftest import S3Server

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

ALL = {"ingest", "validate", "train", "evaluate", "decide", "refit", "register", "promote"}


def test_a_first_model_is_promoted_and_a_rerun_on_the_same_rows_is_rejected(
    add_spec: Callable[..., Path], land_orders: Callable[..., None], run_dag: Callable[..., DagRunResult]
) -> None:
    add_spec()
    land_orders()

    first = run_dag("orders.retrain", reason="new warehouse")
    again = run_dag("orders.retrain")

    assert (first.state, set(first.tasks.values())) == ("success", {"success"})
    assert first.xcoms["decide"]["outcome"] == "promote"
    assert first.xcoms["refit"]["served"]["train_end"] == first.xcoms["ingest"]["end"]
    assert first.xcoms["promote"] == {"name": "orders", "version": "1", "previous_version": None}
    assert again.state == "success"
    assert again.tasks == dict.fromkeys(ALL, "success") | {"refit": "skipped", "promote": "skipped"}
    assert again.xcoms["decide"]["outcome"] == "reject"
    assert again.xcoms["register"]["alias"] == "challenger"
    assert again.xcoms["ingest"]["reused"] is True


def test_a_run_that_judges_a_candidate_again_reads_nothing_and_compares_it_with_the_champion_of_now(
    champion: Callable[..., None], deployment: Path, run_dag: Callable[..., DagRunResult]
) -> None:
    from mlflow import MlflowClient

    champion("judged")
    (first,) = [path.name for path in (deployment / "store/judged/runs").iterdir()]
    registry = MlflowClient(f"sqlite:///{deployment}/mlflow.db")
    registry.create_model_version("judged", "somewhere")
    registry.set_registered_model_alias("judged", "champion", "2")
    (deployment / "data/orders/orders.csv").unlink()

    again = run_dag("judged.retrain", judges_again=_run_of("judged.retrain"))

    assert again.tasks == dict.fromkeys(ALL, "success")
    assert again.xcoms["decide"]["champion_version"] == "2"
    assert again.xcoms["promote"] == {"name": "judged", "version": "1", "previous_version": "2"}
    assert len(registry.search_runs([again.xcoms["train"]["experiment_id"]])) == 1
    # All later tasks work under the name of the run that trained.
    assert [path.name for path in (deployment / "store/judged/runs").iterdir()] == [first]
    assert again.link("validate", "DataDocsLink").endswith(f"/judged/runs/{first}/data_docs.html")

    lost = run_dag("judged.retrain", judges_again="manual__long_ago")
    assert (lost.tasks["ingest"], lost.tries["ingest"], lost.tasks["promote"]) == ("failed", 1, "upstream_failed")


def _run_of(dag_id: str) -> str:
    from airflow.models import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        return DagRun.find(dag_id=dag_id, session=session)[0].run_id


def test_every_task_leads_to_what_the_run_made_also_where_it_was_skipped(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PERENNIAL_MLFLOW_UI", "http://mlflow.example")
    add_spec()
    land_orders()
    for version in ("1", "2"):  # the second is rejected: promote is skipped
        run = run_dag("orders.retrain")

        candidate, page = run.xcoms["train"], f"http://mlflow.example/#/models/orders/versions/{version}"
        assert run.link("train", "MlflowRunLink").endswith(f"/runs/{candidate['mlflow_run_id']}")
        for task in ("evaluate", "refit"):
            assert run.link(task, "MlflowRunLink") == run.link("train", "MlflowRunLink")
        assert [run.link(task, "ModelVersionLink") for task in ("register", "promote")] == [page, page]


def test_without_a_refit_the_judged_model_is_promoted(
    add_spec: Callable[..., Path], land_orders: Callable[..., None], run_dag: Callable[..., DagRunResult]
) -> None:
    add_spec(model={"estimator": "sklearn.linear_model.LogisticRegression", "refit": False})
    land_orders()

    run = run_dag("orders.retrain")

    assert run.tasks == dict.fromkeys(ALL, "success") | {"refit": "skipped"}
    assert run.xcoms["promote"]["version"] == "1"


def test_models_of_two_windows_serve_together_and_are_joined_by_the_next_two(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
) -> None:
    from mlflow import MlflowClient

    add_spec(
        source={**SOURCE, "uri": "orders/", "window": [{"days": 60}, {"days": 20}]},
        model={"estimator": "sklearn.linear_model.LogisticRegression", "ensemble": {"members": 3}},
    )
    land_orders(days=40)
    first = run_dag("orders.retrain")
    land_orders(days=45)
    second = run_dag("orders.retrain")

    for run, members in ((first, 2), (second, 3)):
        assert run.tasks == dict.fromkeys(ALL | {"assemble"}, "success")
        assert run.xcoms["assemble"]["members"] == members
        each = [*run.xcoms["train"]["others"], run.xcoms["train"]]
        assert len({one["split"]["holdout_start"] for one in each}) == 1
        judged = [one["mlflow_run_id"] for one in run.xcoms["evaluate"]["ensemble"]["members"]]
        assert judged[-2:] == [one["mlflow_run_id"] for one in each]
    tags = MlflowClient(f"sqlite:///{deployment}/mlflow.db").get_model_version_by_alias("orders", "champion").tags
    assert tags["perennial.members"] == "3"


def test_a_search_is_made_by_several_tasks_and_its_winner_is_promoted(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import optuna
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    from perennial_airflow.operators.tune import TuneOperator

    storage = f"sqlite:///{deployment}/searches.db"
    monkeypatch.setenv("AIRFLOW_CONN_OPTUNA_DEFAULT", f"sqlite:///{deployment}/searches.db")
    tree = {"estimator": "sklearn.tree.DecisionTreeClassifier", "search": {"max_depth": {"low": 1, "high": 9}}}
    logistic = {
        "estimator": "sklearn.linear_model.LogisticRegression",
        "search": {"C": {"low": 0.01, "high": 10.0, "log": True}},
    }
    add_spec(
        model={"candidates": [tree, logistic]},
        tuning={"trials": 9, "parallel": 2, "when": "first"},
        cross_validation={"folds": 2},
    )
    land_orders()
    links_while_it_runs = []
    call_stage = TuneOperator.call_stage

    def seen_while_it_runs(self: TuneOperator, run: Any) -> Any:
        with create_session() as session:
            query = XComModel.get_many(run_id=run.run_id, key="_link_SearchProgressLink", task_ids="tune")
            links_while_it_runs.extend(row.value for row in session.scalars(query))
        return call_stage(self, run)

    monkeypatch.setattr(TuneOperator, "call_stage", seen_while_it_runs)

    first = run_dag("orders.retrain", trials=3)
    again = run_dag("orders.retrain", search="skip", dry_run=True)

    assert first.tasks == dict.fromkeys(ALL | {"tune", "choose"}, "success")
    found = first.xcoms["choose"]
    trials = optuna.load_study(study_name=found["study"], storage=storage).get_trials()
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 3
    assert found["score"] == max(trial.value for trial in trials)
    assert first.xcoms["train"]["choice"] == found["choice"]
    page = first.link("choose", "TuningPageLink").rpartition("/perennial/reports/")[2]
    assert found["sentence"].split(" won")[0] in (deployment / "store" / page).read_text()
    assert again.xcoms["choose"]["searched"] is False
    assert again.xcoms["train"]["choice"] == found["choice"]
    assert links_while_it_runs[0] == first.link("tune", "SearchProgressLink") == first.link("choose", "TuningPageLink")
    assert again.link("choose", "TuningPageLink") == again.link("tune", "SearchProgressLink") == ""


def test_the_champions_event_says_what_and_why(
    add_spec: Callable[..., Path], land_orders: Callable[..., None], run_dag: Callable[..., DagRunResult]
) -> None:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    add_spec("parcels", source={**SOURCE, "uri": "orders/"})
    land_orders()

    promoted = run_dag("parcels.retrain", reason="new warehouse")
    rejected = run_dag("parcels.retrain")

    with create_session() as session:
        query = select(AssetEvent).join(AssetModel, AssetEvent.asset_id == AssetModel.id)
        events = session.scalars(query.where(AssetModel.uri == "perennial://parcels/champion")).all()
        ((event_run, extra),) = [(event.source_run_id, event.extra) for event in events]
    assert rejected.state == "success"
    assert event_run == promoted.run_id
    assert (extra["version"], extra["reason"]) == ("1", "new warehouse")
    assert extra["verdict"] == promoted.xcoms["decide"]["sentence"]


def test_a_dry_run_stops_after_the_verdict_and_says_so(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
) -> None:
    from mlflow import MlflowClient

    add_spec()
    land_orders()

    run = run_dag("orders.retrain", dry_run=True)

    assert run.state == "success"
    assert run.tasks == dict.fromkeys(ALL, "success") | dict.fromkeys(("refit", "register", "promote"), "skipped")
    assert run.xcoms["decide"]["outcome"] == "promote"
    assert not MlflowClient(f"sqlite:///{deployment}/mlflow.db").search_registered_models()


def test_the_form_reaches_the_stages(
    add_spec: Callable[..., Path], land_orders: Callable[..., None], run_dag: Callable[..., DagRunResult]
) -> None:
    add_spec()
    land_orders(days=40)

    run = run_dag("orders.retrain", as_of="2024-02-01T00:00:00Z", window_days=25, dry_run=True)

    snapshot = run.xcoms["ingest"]
    assert snapshot["as_of"] == "2024-02-01T00:00:00Z"
    assert snapshot["window_start"] == "2024-01-07T00:00:00.000001Z"  # the window is open at its old end
    assert snapshot["end"] <= snapshot["as_of"]


def test_versions_say_who_asked_and_why(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
) -> None:
    from mlflow import MlflowClient

    add_spec()
    land_orders()

    run = run_dag("orders.retrain", reason="new warehouse")

    tags = MlflowClient(f"sqlite:///{deployment}/mlflow.db").get_model_version("orders", "1").tags
    assert tags["perennial.reason"] == "new warehouse"
    assert tags["perennial.triggered_by"] == "manual by dag_test"
    assert tags["perennial.run_id"] == run.run_id


def test_a_failed_validation_is_not_tried_again_and_changes_nothing(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
) -> None:
    add_spec()
    land_orders(without_carrier=3)

    run = run_dag("orders.retrain")

    assert run.state == "failed"
    assert (run.tasks["validate"], run.tries["validate"]) == ("failed", 1)
    assert {run.tasks[task] for task in ("train", "evaluate", "decide", "register", "promote")} == {"upstream_failed"}
    assert run.link("validate", "DataDocsLink").startswith("http://airflow.example/perennial/reports/orders/runs/")
    assert list((deployment / "store").glob("orders/runs/*/data_docs.html"))


def test_a_server_that_is_away_is_tried_again(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_spec()
    land_orders()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # the discard port: nobody answers
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    run = run_dag("orders.retrain")

    assert run.state == "failed"
    assert (run.tasks["train"], run.tries["train"]) == ("failed", 4)


def test_rows_come_from_a_database_and_results_go_to_s3(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    land_orders()
    with (deployment / "data" / "orders" / "orders.csv").open() as file:
        rows = list(csv.DictReader(file))
    with sqlite3.connect(deployment / "shop.db") as shop:
        shop.execute("CREATE TABLE orders (ordered_at TEXT, items INTEGER, carrier TEXT, late INTEGER)")
        shop.executemany("INSERT INTO orders VALUES (:ordered_at, :items, :carrier, :late)", rows)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f'{{"conn_type": "sqlite", "host": "{deployment}/shop.db"}}')
    bucket = s3_server.new_bucket()
    for name, value in (s3_server.environment | {"PERENNIAL_STORE": f"s3://{bucket}/perennial"}).items():
        monkeypatch.setenv(name, value)
    query = {"sql": "SELECT * FROM orders", "connection": "shop"}
    add_spec(source={"event_time": "ordered_at", "window": {"days": 60}, **query})

    run = run_dag("orders.retrain")

    assert (run.state, set(run.tasks.values())) == ("success", {"success"})
    assert run.xcoms["ingest"]["rows"] == len(rows)
    keys = [entry["Key"] for entry in s3_server.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert any(key.endswith("/data_docs.html") for key in keys)
    assert any(key.endswith("/manifest.json") for key in keys)


SOURCE: dict[str, Any] = {"format": "csv", "event_time": "ordered_at", "window": {"days": 60}}
