from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pytest
from mlflow.models import Model

from perennial.errors import BundleChanged
from perennial.models.bundle import read_bundle
from perennial.models.formats.skops_format import SkopsModel
from perennial.models.manifest import Manifest
from perennial.models.recorded import find_bundle
from perennial.registry.bundles import fetch
from perennial.registry.logged_model import log_model
from perennial.registry.tracking import Tracker
from perennial.store.local import LocalStore
from perennial.training.pipeline import build_pipeline
from tests.candidates import provenance, split_plan

BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty folder to run in: whatever falls back to MLflow's process-wide default leaves a file there."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def describe(inputs):
    return Manifest(
        format="skops",
        format_version=1,
        files={"model.skops": ""},
        task="classification",
        target="label",
        labels=(0, 1),
        positive=1,
        inputs=dict.fromkeys(inputs.columns, "double"),
        features=(),
        transform=None,
        types=(),
        split=split_plan(),
        recipe="",
        provenance=provenance(),
        baseline_scores={},
    )


def log(tracker, model, *, spec, inputs, store, scratch):
    experiment = tracker.experiment_id("perennial/late")
    run_id = tracker.start_run(experiment, "first", {})
    recorded = log_model(
        tracker,
        experiment,
        run_id,
        SkopsModel(model),
        spec=spec,
        manifest=describe(inputs),
        store=store,
        inputs=inputs,
        scratch=scratch,
    )
    return run_id, recorded


@pytest.fixture
def logged(make_spec, rows, mlflow_uri, tmp_path):
    spec = make_spec(BOOSTING)
    inputs = rows[list(spec.features.input_columns)]
    model = build_pipeline(spec).fit(inputs, rows["label"])
    tracker, store = Tracker(mlflow_uri), LocalStore(tmp_path / "store")
    (tmp_path / "scratch").mkdir()
    run_id, recorded = log(tracker, model, spec=spec, inputs=inputs, store=store, scratch=tmp_path / "scratch")
    assert find_bundle(store, "late", run_id) == recorded
    return inputs, model, tracker, run_id, recorded


def test_the_model_is_an_output_of_its_run(logged):
    _, _, tracker, run_id, recorded = logged

    (output,) = tracker.client.get_run(run_id).outputs.model_outputs
    assert recorded.model_uri == f"models:/{output.model_id}"
    assert str(tracker.client.get_logged_model(output.model_id).status) == "READY"


def test_perennial_loads_what_was_recorded(logged, tmp_path):
    inputs, model, tracker, _, recorded = logged
    bundle = read_bundle(fetch(tracker, recorded.model_uri, recorded, tmp_path), recorded, "the model")

    np.testing.assert_array_equal(bundle.predict(inputs).probabilities, model.predict_proba(inputs))


@pytest.mark.parametrize("name", ["bundle.json", "model.skops"])
def test_one_changed_byte_of_a_file_is_refused_by_its_name(logged, tmp_path, name):
    _, _, tracker, _, recorded = logged
    folder = fetch(tracker, recorded.model_uri, recorded, tmp_path)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(
        BundleChanged, match=f"the model: its file {name.replace('.', '[.]')} in MLflow's artifact storage"
    ):
        read_bundle(folder, recorded, "the model")


def test_the_process_wide_tracking_uri_is_not_used(logged, elsewhere):
    assert list(elsewhere.iterdir()) == []


def test_no_pickle_is_written(logged):
    _, _, tracker, _, recorded = logged
    location = tracker.client.get_logged_model(recorded.model_uri.removeprefix("models:/")).artifact_location

    names = {path.name for path in Path(location).rglob("*") if path.is_file()}
    assert {"model.skops", "bundle.json"} <= names
    assert not any(path.endswith((".pkl", ".pickle", ".joblib")) for path in names)


def test_mlflow_describes_inputs_outputs_requirements_and_an_example(logged):
    _, _, tracker, _, recorded = logged
    location = Path(tracker.client.get_logged_model(recorded.model_uri.removeprefix("models:/")).artifact_location)
    signature = Model.load(str(location)).signature

    types = {column.name: column.type.name for column in signature.inputs}
    assert types == {"x": "double", "gap": "double", "kind": "string"}
    assert signature.outputs.input_types()[0].name == "long"
    assert (location / "input_example.json").is_file()
    assert "scikit-learn==" in (location / "requirements.txt").read_text()


def test_a_user_scores_with_mlflow_alone(logged, rows, tmp_path):
    """In a process that has neither Perennial nor pickle, from the tracking server, by pyfunc and by flavour."""
    inputs, model, tracker, _, recorded = logged
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
        [sys.executable, "-c", code, tracker.uri, recorded.model_uri, tmp_path / "inputs.parquet"],
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
    _, recorded = log(tracker, model, spec=spec, inputs=inputs, store=LocalStore(tmp_path / "store"), scratch=tmp_path)
    location = tracker.client.get_logged_model(recorded.model_uri.removeprefix("models:/")).artifact_location

    np.testing.assert_array_equal(mlflow.pyfunc.load_model(location).predict(inputs), model.predict(inputs))
