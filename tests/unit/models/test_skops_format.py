from __future__ import annotations

import functools
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from perennial.errors import TrainingError
from perennial.models.skops_format import load_model, save_model
from perennial.training.pipeline import build_pipeline

ESTIMATORS = [
    "sklearn.calibration.CalibratedClassifierCV",
    "sklearn.ensemble.AdaBoostClassifier",
    "sklearn.ensemble.ExtraTreesClassifier",
    "sklearn.ensemble.GradientBoostingClassifier",
    "sklearn.ensemble.HistGradientBoostingClassifier",
    "sklearn.ensemble.RandomForestClassifier",
    "sklearn.linear_model.LogisticRegression",
    "sklearn.linear_model.SGDClassifier",
    "sklearn.naive_bayes.GaussianNB",
    "sklearn.neighbors.KNeighborsClassifier",
    "sklearn.neural_network.MLPClassifier",
    "sklearn.svm.SVC",
    "sklearn.tree.DecisionTreeClassifier",
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_scikit_learns_own_estimators_need_no_trusted_types(make_spec, rows, tmp_path, estimator):
    spec = make_spec(estimator)
    model = build_pipeline(spec).fit(rows, rows["label"])
    save_model(model, tmp_path / "model.skops", spec)

    loaded = load_model(tmp_path / "model.skops", spec)

    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))


def test_nothing_in_the_file_is_a_pickle(make_spec, rows, tmp_path):
    spec = make_spec("sklearn.ensemble.HistGradientBoostingClassifier")
    save_model(build_pipeline(spec).fit(rows, rows["label"]), tmp_path / "model.skops", spec)

    with zipfile.ZipFile(tmp_path / "model.skops") as archive:
        assert {Path(name).suffix for name in archive.namelist()} == {".json", ".npy"}


def test_the_specs_transform_is_trusted_because_the_spec_names_it(make_spec, rows, tmp_path, transform_module):
    features = {"numeric": ["x", "hour"], "transform": f"{transform_module}:hourly", "inputs": ["at", "x"]}
    spec = make_spec(features=features)
    model = build_pipeline(spec).fit(rows[["at", "x"]], rows["label"])
    save_model(model, tmp_path / "model.skops", spec)

    loaded = load_model(tmp_path / "model.skops", spec)
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))

    with pytest.raises(TrainingError, match=f"types that nobody allowed: {transform_module}.hourly"):
        load_model(tmp_path / "model.skops", make_spec())


def test_a_type_that_nobody_allowed_is_refused_until_the_spec_allows_it(make_spec, rows, tmp_path):
    estimator = "sklearn.gaussian_process.GaussianProcessClassifier"
    spec = make_spec(estimator)
    model = build_pipeline(spec).fit(rows, rows["label"])
    with pytest.raises(TrainingError, match=r"list them under model\.trusted_types") as refused:
        save_model(model, tmp_path / "model.skops", spec)
    kernels = [f"sklearn.gaussian_process.kernels.{name}" for name in ("ConstantKernel", "Product", "RBF")]
    assert all(kernel in str(refused.value) for kernel in kernels)

    trusted = [*kernels, "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace"]
    willing = make_spec(estimator, model={"trusted_types": trusted})
    assert set(trusted) <= set(save_model(model, tmp_path / "model.skops", willing))


def test_a_partial_of_a_function_that_is_not_listed_is_refused(make_spec, tmp_path):
    import os

    skops.io.dump(functools.partial(os.system, "true"), tmp_path / "model.skops")

    with pytest.raises(TrainingError, match=r"types that nobody allowed: \w+\.system"):
        load_model(tmp_path / "model.skops", make_spec())


def test_a_damaged_file_is_named(make_spec, rows, tmp_path):
    spec = make_spec()
    path = tmp_path / "model.skops"
    save_model(build_pipeline(spec).fit(rows, rows["label"]), path, spec)
    path.write_bytes(path.read_bytes()[:1000])

    with pytest.raises(
        TrainingError, match=r"^model\.skops is damaged, or not a skops file .*: put it back from a backup"
    ):
        load_model(path, spec)


def test_a_file_with_something_else_is_refused(make_spec, tmp_path):
    skops.io.dump(LogisticRegression(), tmp_path / "model.skops")

    with pytest.raises(TrainingError, match="holds LogisticRegression, not a scikit-learn Pipeline"):
        load_model(tmp_path / "model.skops", make_spec())
