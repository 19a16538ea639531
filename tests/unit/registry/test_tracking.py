from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest

from perennial.errors import TrackingError, TrackingUnavailable
from perennial.registry.tracking import Tracker

OPEN = (
    "import sys; from perennial.registry.tracking import Tracker; Tracker(sys.argv[1]).experiment_id('perennial/late')"
)


def _open_elsewhere(uri: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", OPEN, uri], stderr=subprocess.PIPE, text=True)


def test_a_server_that_is_not_there_is_told_soon_and_without_credentials():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        uri = f"http://someone:secret@127.0.0.1:{nobody.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(TrackingUnavailable, match="does not answer") as away:
            Tracker(uri)

    assert time.monotonic() - started < 30
    assert "127.0.0.1" in str(away.value)
    assert "secret" not in str(away.value)
    assert "someone" not in str(away.value)
    assert away.value.retryable


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://127.0.0.1:1?user=u&password=topsecret", "has a query or a fragment"),
        ("http://u:top#topsecret@127.0.0.1:1", "has a query or a fragment"),
        ("someone:topsecret@127.0.0.1:5000", "is not the address of an MLflow server"),
        ("127.0.0.1:5000?password=topsecret", "is not the address of an MLflow server"),
        ("ftp://someone:topsecret@127.0.0.1", "is not the address of an MLflow server"),
    ],
)
def test_an_address_that_no_server_has_is_refused_without_its_password(uri, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrackingError, match=said) as refused:
        Tracker(uri)
    assert not refused.value.retryable
    assert "topsecret" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("password", ["topsecret", "topsecret%40%2F%3F", "top/topsecret", "top@topsecret", "to"])
@pytest.mark.parametrize(
    "uri", ["http://someone:{}@127.0.0.1:1", "postgresql://u@127.0.0.1:1/m?password={}", "http://{}@127.0.0.1:1"]
)
def test_no_form_of_a_password_is_in_the_error_or_its_traceback(uri, password):
    with pytest.raises(TrackingError) as away:
        Tracker(uri.format(password))
    told = "".join(traceback.format_exception(away.value))
    assert f":{password}@" not in told
    assert "topsecret" not in told


def test_a_database_that_cannot_be_opened_is_told_at_once(tmp_path):
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(TrackingUnavailable, match="file"):
        Tracker(f"sqlite:///{tmp_path}/file/mlflow.db")


def test_an_experiment_is_made_once_and_its_artifacts_lie_beside_the_database(mlflow_uri):
    tracker = Tracker(mlflow_uri)
    experiment = tracker.experiment_id("perennial/late")

    assert Tracker(mlflow_uri).experiment_id("perennial/late") == experiment
    location = tracker.client.get_experiment(experiment).artifact_location
    assert (
        Path(location) == Path(mlflow_uri.removeprefix("sqlite:///")).with_name("mlflow-artifacts") / "perennial/late"
    )


def test_a_deleted_experiment_is_an_error_that_says_how_to_get_it_back(mlflow_uri):
    tracker = Tracker(mlflow_uri)
    experiment = tracker.experiment_id("perennial/late")
    tracker.client.delete_experiment(experiment)

    with pytest.raises(TrackingError, match=f"mlflow experiments restore -x {experiment}") as refused:
        tracker.experiment_id("perennial/late")
    assert not refused.value.retryable


def test_what_mlflow_refuses_is_no_reason_to_retry(mlflow_uri):
    with pytest.raises(TrackingError, match="refuses") as refused:
        Tracker(mlflow_uri).log_metrics("no-such-run", {"x": 1.0})
    assert not refused.value.retryable


def test_runs_are_found_by_tag_and_undefined_figures_survive(mlflow_uri):
    tracker = Tracker(mlflow_uri)
    experiment = tracker.experiment_id("perennial/late")
    run_id = tracker.start_run(experiment, "first", {"perennial.candidate": "k"})
    tracker.start_run(experiment, "other", {"perennial.candidate": "else"})
    tracker.log_metrics(run_id, {"auc": float("nan"), "rows": 3})
    tracker.finish_run(run_id)

    (found,) = tracker.find_runs(experiment, "perennial.candidate", "k")
    assert (found.info.run_id, found.info.status) == (run_id, "FINISHED")
    assert found.data.metrics["rows"] == 3
    assert found.data.metrics["auc"] != found.data.metrics["auc"]


def test_figures_logged_again_leave_one_point_and_changed_ones_the_newest(mlflow_uri):
    tracker = Tracker(mlflow_uri)
    run_id = tracker.start_run(tracker.experiment_id("perennial/late"), "first", {})
    for rows in (9, 9, 3):
        tracker.log_metrics(run_id, {"auc": float("nan"), "loss": 0.1, "rows": rows})
    assert tracker.client.get_run(run_id).data.metrics["rows"] == 3
    assert [len(tracker.client.get_metric_history(run_id, key)) for key in ("auc", "loss", "rows")] == [1, 1, 2]


def test_artifacts_go_up(mlflow_uri, tmp_path):
    tracker = Tracker(mlflow_uri)
    run_id = tracker.start_run(tracker.experiment_id("perennial/late"), "first", {})
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "roc.png").write_bytes(b"png")
    tracker.log_folder(run_id, tmp_path / "plots", "plots")
    tracker.log_text(run_id, "{}", "spec.json")

    assert {item.path for item in tracker.client.list_artifacts(run_id)} == {"plots", "spec.json"}


def test_processes_that_use_a_new_file_at_once_do_not_disturb_each_other(tmp_path):
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    for process in [_open_elsewhere(uri) for _ in range(3)]:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said

    assert Tracker(uri).client.get_experiment_by_name("perennial/late") is not None


@pytest.mark.crash
def test_a_process_killed_while_it_makes_the_tables_leaves_nothing_in_the_way(tmp_path):
    uri, folder = f"sqlite:///{tmp_path}/new/mlflow.db", tmp_path / "new"
    for size in (1, 300_000):
        process = _open_elsewhere(uri)
        while process.poll() is None and not (_size(folder / ".mlflow.db.new") >= size):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (folder / "mlflow.db").exists()

    assert Tracker(uri).experiment_id("perennial/late")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def test_telemetry_is_off_unless_someone_turns_it_on():
    code = "import perennial.training, mlflow.telemetry.client as c; print(c.get_telemetry_client())"
    settings = {
        k: v for k, v in os.environ.items() if k not in ("CI", "MLFLOW_DISABLE_TELEMETRY", "PYTEST_CURRENT_TEST")
    }
    done = subprocess.run([sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "None"
