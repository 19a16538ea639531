"""Two processes that were told to do the same: nothing is made twice, nothing is destroyed, and nobody fails for good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from perennial.cli.outcome import Outcome
from perennial.monitoring.ledger import read_ledger
from perennial.monitoring.state import load_state
from perennial.stages import STAGES
from perennial.store import LocalStore
from tests.integration.killed_process import KilledProcess
from tests.watched_model import Watched, make_watched

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SLOW = """
import time
from sklearn.linear_model import LogisticRegression

class Slow(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        time.sleep(3)
        return super().fit(X, y, sample_weight)
"""


@pytest.fixture
def watched(tmp_path: Path, mlflow_uri: str) -> Watched:
    """A model without a champion, whose training takes three seconds."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "slow_model.py").write_text(SLOW)
    model = {"estimator": "slow_model.Slow", "seed": 1, "trusted_types": ["slow_model.Slow"]}
    return make_watched(tmp_path / "model", mlflow_uri, model=model)


@pytest.fixture
def start(watched: Watched, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts the command line on the model."""
    spec = tmp_path / "watched.yaml"
    spec.write_text(watched.spec.model_dump_json(exclude_defaults=True))
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": watched.tracking_uri,
        "PERENNIAL_DATA": str(watched.home),
        "PERENNIAL_STORE": str(watched.home / "store"),
        "PYTHONPATH": str(tmp_path / "modules"),
        "COLUMNS": "250",
    }
    started = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from perennial.cli.main import main; main()", *arguments]
        started.append(
            subprocess.Popen(
                [*command, str(spec)],
                env=environment,
                cwd=tmp_path,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        )
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def ends(*processes: subprocess.Popen[str]) -> list[tuple[int, str]]:
    with ThreadPoolExecutor() as threads:
        said = list(threads.map(lambda process: process.communicate(timeout=200)[0], processes))
    return [(process.returncode, text) for process, text in zip(processes, said, strict=True)]


def assert_made_once(watched: Watched) -> None:
    client = MlflowClient(watched.tracking_uri)
    experiment = client.get_experiment_by_name("perennial/watched")
    assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ["FINISHED"]
    # The candidate that was judged, and the same fitted again on all rows.
    assert len(client.search_logged_models([experiment.experiment_id])) == 2
    versions = client.search_model_versions("name = 'watched'")
    assert [version.tags["perennial.verdict"] for version in versions] == ["promote"]
    assert client.get_registered_model("watched").aliases == {"champion": 1}


def wait_for_training(watched: Watched) -> None:
    client = MlflowClient(watched.tracking_uri)
    for _ in range(600):
        experiment = client.get_experiment_by_name("perennial/watched")
        if experiment is not None and client.search_runs([experiment.experiment_id]):
            return
        time.sleep(0.1)
    raise AssertionError("nobody trains")


COMMANDS = [(("run",), 0), (("monitor", "--once"), Outcome.PROMOTED)]


@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_the_same_command_twice_at_once_makes_one_version_and_closes_one_check(watched, start, command, code):
    first, second = ends(start(*command), start(*command))
    assert (first[0], second[0]) == (code, code), (first[1], second[1])
    assert_made_once(watched)
    waited = [text for _, text in (first, second) if "is being worked on: waiting for perennial" in text]
    assert len(waited) == 1, (first[1], second[1])
    if command[0] == "monitor":
        store = LocalStore(watched.home / "store")
        assert [entry.decision.outcome for entry in read_ledger(store, "watched")] == ["trigger"]
        assert load_state(store, "watched")[0].sequence == 1


@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_the_second_goes_on_with_the_work_of_one_that_is_killed_in_its_training(watched, start, command, code):
    first = start(*command)
    wait_for_training(watched)
    second = start(*command)
    time.sleep(1)
    first.send_signal(signal.SIGKILL)
    killed, ended = ends(first, second)
    assert killed[0] == -signal.SIGKILL
    assert ended[0] == code, ended[1]
    assert_made_once(watched)


def test_a_task_that_airflow_runs_twice_has_one_candidate_and_one_version(flights, flight_spec, mlflow_uri, tmp_path):
    workers = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        settings = {
            "spec": str(flight_spec),
            "store": str(tmp_path / "store"),
            "run_id": "twice",
            "tracking_uri": mlflow_uri,
            "data_root": str(flights),
            "answer": str(folder / "answer.json"),
        }
        workers.append(KilledProcess.start(Path(__file__).with_name("stage_process.py"), settings, folder))
    try:
        made = {"snapshot": workers[0].run({"stage": "ingest", "arguments": []})["outcome"]}
        for stage in ("train", "evaluate", "decide", "refit", "register", "promote"):
            order = {"stage": stage, "arguments": [made.get(record) for record in STAGES[stage].takes]}
            with ThreadPoolExecutor() as threads:
                one, two = threads.map(lambda worker, order=order: worker.run(order)["outcome"], workers)
            assert one == two, stage
            made[STAGES[stage].makes] = one
    finally:
        for worker in workers:
            worker.end()
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name("perennial/flight_delay")
    assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ["FINISHED"]
    assert [version.version for version in client.search_model_versions("name = 'flight_delay'")] == [1]
