from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pytest
from mlflow.models import Model

from perennial.models.skops_format import load_model
from perennial.registry.logged_model import MODEL_FILE, log_model
from perennial.registry.tracking import Tracker
from perennial.training.pipeline import build_pipeline

BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty folder to run in: whatever falls back to MLflow's process-wide default leaves a file there."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def logged(make_spec, rows, mlflow_uri, tmp_path):
    spec = make_spec(BOOSTING)
    inputs = rows[list(spec.features.input_columns)]
    model = build_pipeline(spec).fit(inputs, rows["label"])
    tracker = Tracker(mlflow_uri)
    experiment = tracker.experiment_id("perennial/late")
    run_id = tracker.start_run(experiment, "first", {})
    (tmp_path / "scratch").mkdir()
    uri = log_model(tracker, experiment, run_id, model, spec=spec, inputs=inputs, scratch=tmp_path / "scratch")
    return spec, inputs, model, tracker, run_id, uri


def test_the_model_is_an_output_of_its_run(logged):
    _, _, _, tracker, run_id, uri = logged

    (output,) = tracker.client.get_run(run_id).outputs.model_outputs
    assert uri == f"models:/{output.model_id}"
    assert str(tracker.client.get_logged_model(output.model_id).status) == "READY"


def test_perennial_loads_it_with_an_allow_list_from_outside_the_file(logged, tmp_path):
    spec, inputs, model, tracker, _, uri = logged
    path = tracker.download_file(uri, MODEL_FILE, tmp_path)

    np.testing.assert_array_equal(load_model(path, spec).predict_proba(inputs), model.predict_proba(inputs))


def test_the_process_wide_tracking_uri_is_not_used(logged, elsewhere):
    assert list(elsewhere.iterdir()) == []


def test_no_pickle_is_written(logged):
    _, _, _, tracker, _, uri = logged
    location = tracker.client.get_logged_model(uri.removeprefix("models:/")).artifact_location

    names = {path.name for path in Path(location).rglob("*") if path.is_file()}
    assert MODEL_FILE in names
    assert not any(path.endswith((".pkl", ".pickle", ".joblib")) for path in names)


def test_mlflow_describes_inputs_outputs_requirements_and_an_example(logged):
    _, _, _, tracker, _, uri = logged
    location = Path(tracker.client.get_logged_model(uri.removeprefix("models:/")).artifact_location)
    signature = Model.load(str(location)).signature

    types = {column.name: column.type.name for column in signature.inputs}
    assert types == {"x": "double", "gap": "double", "kind": "string"}
    assert signature.outputs.input_types()[0].name == "long"
    assert (location / "input_example.json").is_file()
    assert "scikit-learn==" in (location / "requirements.txt").read_text()


def test_a_user_scores_with_mlflow_alone(logged, rows, tmp_path):
    """In a process that has neither Perennial nor pickle, from the tracking server, by pyfunc and by flavour."""
    _, inputs, model, tracker, _, uri = logged
    inputs.to_parquet(tmp_path / "inputs.parquet")
    code = (
        "import sys, json, mlflow, pandas as pd\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        "rows = pd.read_parquet(sys.argv[3])\n"
        "one = mlflow.pyfunc.load_model(sys.argv[2]).predict(rows)\n"
        "two = mlflow.sklearn.load_model(sys.argv[2]).predict(rows)\n"
        "assert 'perennial' not in sys.modules\n"
        "print(json.dumps([one.tolist(), two.tolist()]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tracker.uri, uri, tmp_path / "inputs.parquet"],
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    expected = model.predict(inputs).tolist()
    assert done.stdout.strip().splitlines()[-1] == f"[{expected}, {expected}]"


def test_timestamps_may_be_inputs(make_spec, rows, mlflow_uri, tmp_path, transform_module):
    features = {"numeric": ["x", "hour"], "transform": f"{transform_module}:hourly", "inputs": ["at", "x"]}
    spec = make_spec(BOOSTING, features=features)
    inputs = rows[["at", "x"]]
    model = build_pipeline(spec).fit(inputs, rows["label"])
    tracker = Tracker(mlflow_uri)
    experiment = tracker.experiment_id("perennial/late")
    run_id = tracker.start_run(experiment, "first", {})
    uri = log_model(tracker, experiment, run_id, model, spec=spec, inputs=inputs, scratch=tmp_path)
    location = tracker.client.get_logged_model(uri.removeprefix("models:/")).artifact_location

    np.testing.assert_array_equal(mlflow.pyfunc.load_model(location).predict(inputs), model.predict(inputs))
