"""A worker that dies in the middle of a search."""

from __future__ import annotations

from mlflow import MlflowClient
from optuna.trial import FrozenTrial, TrialState

from perennial.models.tuning import Tuning
from perennial.tuning.storage import open_storage
from tests.distributed.cluster import Cluster
from tests.distributed.models import TRIALS
from tests.distributed.rest import Runs

RETRAIN = "searched_flights.retrain"


def test_a_search_ends_right_though_one_of_its_two_workers_is_killed_in_the_middle(
    cluster: Cluster, operator: Runs
) -> None:
    mlflow = MlflowClient(cluster.mlflow_url)
    run_id = operator.start(RETRAIN)
    cluster.wait_until(lambda: _both_at_work(cluster), what="two trials at the same time")
    began = operator.instances(RETRAIN, run_id)

    lost = began["tune[0]"]["hostname"]
    cluster.kill_worker(lost)
    try:
        tasks = operator.end(RETRAIN, run_id)
    finally:
        cluster.start_worker(lost)

    assert {began[name]["state"] for name in ("tune[0]", "tune[1]")} == {"running"}
    assert {task["state"] for task in tasks.values()} == {"success"}
    assert tasks["tune[0]"]["try_number"] > 1
    found = Tuning.model_validate(operator.result(RETRAIN, run_id, "choose"))
    trials = _trials(cluster)
    scored = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert found.finished == len(scored) == TRIALS
    assert len({trial.user_attrs["place"] for trial in scored}) == TRIALS
    assert any("given_back" in trial.user_attrs for trial in trials)
    assert found.score == max(trial.values[0] for trial in scored)
    assert mlflow.get_model_version_by_alias("searched_flights", "champion").tags["perennial.run_id"] == run_id


def _trials(cluster: Cluster) -> list[FrozenTrial]:
    storage = open_storage(cluster.environment["PERENNIAL_TUNING"])
    return [trial for study in storage.get_all_studies() for trial in storage.get_all_trials(study._study_id)]


def _both_at_work(cluster: Cluster) -> bool:
    return sum(trial.state == TrialState.RUNNING for trial in _trials(cluster)) == 2
