from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from perennial.errors import DataError
from perennial.models.recorded import find_bundle
from perennial.spec import ModelSpec
from perennial.spec.reading.yaml_text import from_yaml
from perennial.stages import STAGES

SPEC = {
    "name": "rooms",
    "task": "regression",
    "source": {"uri": "rows/", "event_time": "at", "window": {"days": 30}},
    "target": {"column": "y"},
    "features": {
        "numeric": ["temp_*"],
        "categorical": ["*"],
        "steps": [{"transformer": "sklearn.decomposition.PCA", "columns": ["temp_*"], "params": {"n_components": 1}}],
    },
    "model": {"estimator": "sklearn.linear_model.LinearRegression"},
    "evaluation": {"holdout": {"fraction": 0.25}, "primary": "rmse", "gates": {"min_rows": 1}},
}


def rows(number: int = 80) -> pd.DataFrame:
    random = np.random.default_rng(1)
    at = pd.date_range("2024-01-01", periods=number, freq="h", tz="UTC")
    inside, outside = random.normal(size=(2, number))
    room = random.choice(["hall", "attic"], number)
    return pd.DataFrame({"at": at, "temp_in": inside, "temp_out": outside, "room": room, "y": inside - outside})


def test_every_stage_after_ingest_works_with_what_the_snapshot_recorded_and_the_model_says_so(prepare):
    run, snapshot = prepare(ModelSpec.model_validate(SPEC), rows())
    candidate = STAGES["train"](run, snapshot, None)
    recorded = find_bundle(run.store, "rooms", candidate.mlflow_run_id)
    assert recorded is not None
    assert {one.name: one.kind for one in recorded.manifest.features} == {
        "temp_in": "numeric", "temp_out": "numeric", "room": "categorical",
    }  # fmt: skip
    assert from_yaml(recorded.manifest.recipe)["features"]["numeric"] == ["temp_in", "temp_out"]
    with pytest.raises(DataError, match=r"does not say what temp_\*, \* stands for: run ingest again"):
        STAGES["train"](run, snapshot.model_copy(update={"features": {}}), None)
