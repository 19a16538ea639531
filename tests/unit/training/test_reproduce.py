from __future__ import annotations

import linecache
import sys
from pathlib import Path

import pytest

from perennial.errors import BundleChanged, TrainingError
from perennial.registry.tracking import Tracker
from perennial.spec import ModelSpec
from perennial.training import reproduce as module
from perennial.training.fit import prepare_fit
from perennial.training.reproduce import reproduce
from tests.watched_model import SPEC, TRAINED_ROWS, make_watched


@pytest.fixture
def watched(tmp_path, mlflow_uri):
    made = make_watched(tmp_path / "model", mlflow_uri)
    made.retrain()
    return made


def test_the_champion_comes_out_the_same_bit_for_bit_whatever_the_spec_says_now(watched):
    watched.land(TRAINED_ROWS, 300)
    estimator = {"estimator": "sklearn.tree.DecisionTreeClassifier", "seed": 9}
    spec = ModelSpec.model_validate(SPEC | {"model": estimator, "features": {"numeric": ["x"]}})

    found = reproduce(watched.run(spec=spec), "champion")

    assert found.identical
    assert (found.version, found.rows, found.changed) == ("1", TRAINED_ROWS, ())
    assert found.served.fitted_rows == TRAINED_ROWS > found.twin.fitted_rows
    for repeated in (found.served, found.twin):
        assert (repeated.differing_rows, repeated.largest_difference) == (0, 0.0)
    assert found.sentence == (
        "version 1 of watched, on 3,000 rows: the model that serves: the same predictions, bit for bit; its judged "
        "twin: the same predictions, bit for bit"
    )
    assert reproduce(watched.run(), "1") == found


def test_a_model_that_is_another_than_the_recipe_makes_is_told_from_one_that_is_not(watched, monkeypatch):
    fitted = []

    def refitted(spec, rows):
        fit = prepare_fit(spec, rows if fitted else rows.iloc[:-500])
        fitted.append(fit)
        return fit

    monkeypatch.setattr(module, "prepare_fit", refitted)
    found = reproduce(watched.run(), "1")
    assert (found.served.identical, found.twin.identical, found.identical) == (True, False, False)
    assert found.twin.differing_rows > 0
    assert "its judged twin: other predictions for " in found.sentence


def test_a_version_without_a_refit_has_one_model_to_repeat(tmp_path, mlflow_uri):
    watched = make_watched(tmp_path / "model", mlflow_uri, model=SPEC["model"] | {"refit": False})
    watched.retrain()
    found = reproduce(watched.run(), "1")
    assert (found.identical, found.twin) == (True, None)
    assert found.served.fitted_rows < TRAINED_ROWS
    assert found.sentence == "version 1 of watched, on 3,000 rows: the same predictions, bit for bit"


def test_libraries_that_are_others_now_are_named(watched, monkeypatch):
    monkeypatch.setattr(module, "library_versions", lambda *_: {"scikit-learn": "99.0"})
    found = reproduce(watched.run(), "1")
    assert found.identical
    assert "scikit-learn (" in found.sentence
    assert "then, 99.0 now)" in found.sentence


def test_a_transform_that_was_changed_makes_another_model_and_is_named(tmp_path, mlflow_uri, monkeypatch):
    code = tmp_path / "code"
    code.mkdir()
    source = code / "features_to_repeat.py"
    source.write_text("def made(rows):\n    return rows.assign(y2=rows['x'] * 2)\n")
    monkeypatch.syspath_prepend(code)
    features = {"numeric": ["x", "y2"], "transform": "features_to_repeat:made", "inputs": ["x"]}
    changes = {"features": features, "monitoring": {"min_rows": 50}}
    watched = make_watched(tmp_path / "model", mlflow_uri, **changes)
    watched.retrain()
    assert reproduce(watched.run(), "champion").identical

    source.write_text("def made(rows):\n    return rows.assign(y2=rows['x'] ** 3)\n")
    sys.modules.pop("features_to_repeat")
    linecache.clearcache()
    found = reproduce(watched.run(), "champion")
    # The old model calls the new function too: both say the same of it only by chance.
    assert "the source of features_to_repeat:made" in found.sentence


def test_a_version_that_is_not_there_or_not_ours_is_said(watched, tmp_path):
    with pytest.raises(TrainingError, match="watched has no version '7' in the registry"):
        reproduce(watched.run(), "7")
    with pytest.raises(TrainingError, match="watched has no version 'challenger'"):
        reproduce(watched.run(), "challenger")
    Tracker(watched.tracking_uri).client.create_model_version("watched", str(tmp_path))
    with pytest.raises(TrainingError, match="the store has no record of version 2 of watched"):
        reproduce(watched.run(), "2")


def test_a_version_whose_file_was_changed_is_refused(watched):
    client = Tracker(watched.tracking_uri).client
    version = client.get_model_version("watched", "1")
    file = Path(version.source) / "model.skops"
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(BundleChanged, match=r"version 1 of watched: its file model\.skops"):
        reproduce(watched.run(), "1")
