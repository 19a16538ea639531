"""A worker that dies in the middle of training."""

from __future__ import annotations

from mlflow import MlflowClient

from tests.distributed.cluster import Cluster
from tests.distributed.rest import Runs

RETRAIN = "slow_flights.retrain"


def test_another_worker_ends_what_a_killed_one_began(cluster: Cluster, operator: Runs) -> None:
    mlflow = MlflowClient(cluster.mlflow_url)
    run_id = operator.start(RETRAIN)
    cluster.wait_until(lambda: _is_training(mlflow), what="the training")
    began = operator.instances(RETRAIN, run_id)["train"]

    cluster.kill_worker(began["hostname"])
    try:
        tasks = operator.end(RETRAIN, run_id)
    finally:
        cluster.start_worker(began["hostname"])

    assert (began["state"], began["try_number"]) == ("running", 1)
    assert {task["state"] for task in tasks.values()} == {"success"}
    assert tasks["train"]["try_number"] > 1
    assert tasks["train"]["hostname"] not in ("", began["hostname"])
    (version,) = mlflow.search_model_versions("name='slow_flights'")
    assert mlflow.get_model_version_by_alias("slow_flights", "champion").version == version.version
    assert version.tags["perennial.run_id"] == run_id


def _is_training(mlflow: MlflowClient) -> bool:
    experiment = mlflow.get_experiment_by_name("perennial/slow_flights")
    return experiment is not None and bool(mlflow.search_runs([experiment.experiment_id]))
