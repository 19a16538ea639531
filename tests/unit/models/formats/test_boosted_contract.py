from __future__ import annotations

import json
import zipfile
from importlib.util import find_spec

import pytest

from perennial.errors import TrainingError
from perennial.models.contract import example_rows
from perennial.models.formats.boosted_format import BoostedFormat
from perennial.models.formats.formats import format_of
from tests.unit.models.formats.test_skops_contract import PipelineContract, fitted

pytest.importorskip("lightgbm", reason="the extra boosting is not installed")
pytest.importorskip("xgboost", reason="the extra boosting is not installed")

needs_catboost = pytest.mark.skipif(find_spec("catboost") is None, reason="the extra catboost is not installed")

# More threads would wait for those of other tests.
QUICK = {"n_jobs": 1, "n_estimators": 20}
QUICK_CATBOOST = {"thread_count": 1, "iterations": 20}


class BoostedContract(PipelineContract):
    format = BoostedFormat()
    params = QUICK


class TestLightGBM(BoostedContract):
    estimators = ("lightgbm.LGBMClassifier", "lightgbm.LGBMRegressor")


class TestXGBoost(BoostedContract):
    estimators = ("xgboost.XGBClassifier", "xgboost.XGBRegressor")


@needs_catboost
class TestCatBoost(BoostedContract):
    estimators = ("catboost.CatBoostClassifier", "catboost.CatBoostRegressor")
    params = QUICK_CATBOOST


@pytest.fixture(
    params=[
        ("lightgbm.LGBMClassifier", QUICK),
        ("xgboost.XGBClassifier", QUICK),
        pytest.param(("catboost.CatBoostClassifier", QUICK_CATBOOST), marks=needs_catboost),
    ],
    ids=lambda given: given[0].partition(".")[0],
)
def model(request):
    rows, (estimator, params) = example_rows(), request.param
    return fitted(estimator, "classification", rows[["x", "gap", "kind"]], rows["text_label"].to_numpy(), params)


def test_a_booster_is_a_file_of_its_library_and_nothing_needs_trust_but_the_preparation(model, tmp_path):
    types = BoostedFormat().write(model, tmp_path / "model.zip")
    assert set(types) <= {"numpy.clip", "numpy.nan_to_num", "numpy.dtype"}
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        assert set(archive.namelist()) < {
            "pipeline.skops", "booster.json", "booster.txt", "booster.ubj", "booster.cbm"
        }  # fmt: skip
        said = json.loads(archive.read("booster.json"))
    assert said["classes"] == ["high", "low", "middle"]
    # The numbers are passed on as two columns, the category as one.
    assert (said["columns"], said["categories"]) == (3, [2])


def test_each_model_has_its_format(model, tmp_path):
    rows = example_rows()
    linear = fitted("sklearn.linear_model.Ridge", "regression", rows[["x", "gap", "kind"]], rows["amount"])
    assert (format_of(model).name, format_of(linear).name) == ("boosted", "skops")
    with pytest.raises(TrainingError, match="boosted keeps pipelines with a booster"):
        BoostedFormat().write(linear, tmp_path / "model.zip")


def test_a_changed_booster_is_not_read(model, tmp_path):
    path = tmp_path / "model.zip"
    types = BoostedFormat().write(model, path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    for name, other in (("booster.json", b'{"library": "another"}'), ("booster.json", b"{")):
        with zipfile.ZipFile(path, "w") as archive:
            for kept, value in {**content, name: other}.items():
                archive.writestr(kept, value)
        with pytest.raises(TrainingError, match=r"model\.zip is not a readable model with a booster"):
            BoostedFormat().read(path, types)
