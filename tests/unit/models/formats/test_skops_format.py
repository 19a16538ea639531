from __future__ import annotations

import functools
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from perennial.errors import TrainingError
from perennial.models.formats.skops_format import SkopsFormat, SkopsModel
from perennial.models.formats.trusted_types import allowed_types, check_allowed
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


FORMAT = SkopsFormat()


def write(spec, rows, path):
    """Fit the spec's model, write it and make sure that the spec allows its types; return the pipeline and the types."""
    pipeline = build_pipeline(spec).fit(rows[list(spec.features.input_columns)], rows["label"])
    types = FORMAT.write(SkopsModel(pipeline), path)
    check_allowed(types, spec)
    return pipeline, types


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_scikit_learns_own_estimators_need_no_trusted_types(make_spec, rows, path, estimator):
    spec = make_spec(estimator)
    model, _ = write(spec, rows, path)

    loaded = FORMAT.read(path, allowed_types(spec))

    np.testing.assert_array_equal(loaded.predict(rows).values, model.predict(rows))


def test_nothing_in_the_file_is_a_pickle(make_spec, rows, path):
    write(make_spec("sklearn.ensemble.HistGradientBoostingClassifier"), rows, path)

    with zipfile.ZipFile(path) as archive:
        assert {Path(name).suffix for name in archive.namelist()} == {".json", ".npy"}


def test_the_specs_transform_is_trusted_because_the_spec_names_it(make_spec, rows, path, transform_module):
    features = {"numeric": ["x", "hour"], "transform": f"{transform_module}:hourly", "inputs": ["at", "x"]}
    spec = make_spec(features=features)
    model, types = write(spec, rows, path)

    np.testing.assert_array_equal(FORMAT.read(path, types).predict(rows).values, model.predict(rows[["at", "x"]]))
    with pytest.raises(TrainingError, match=f"types that are not allowed: {transform_module}.hourly"):
        FORMAT.read(path, allowed_types(make_spec()))


def test_a_type_that_nobody_allowed_is_refused_until_the_spec_allows_it(make_spec, rows, path):
    estimator = "sklearn.gaussian_process.GaussianProcessClassifier"
    with pytest.raises(TrainingError, match=r"list them under model\.trusted_types") as refused:
        write(make_spec(estimator), rows, path)
    kernels = [f"sklearn.gaussian_process.kernels.{name}" for name in ("ConstantKernel", "Product", "RBF")]
    assert all(kernel in str(refused.value) for kernel in kernels)

    trusted = [*kernels, "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace"]
    _, types = write(make_spec(estimator, model={"trusted_types": trusted}), rows, path)
    assert set(trusted) <= set(types)


def test_a_partial_of_a_function_that_is_not_listed_is_refused(make_spec, path):
    import os

    skops.io.dump(functools.partial(os.system, "true"), path)

    with pytest.raises(TrainingError, match=r"types that are not allowed: \w+\.system"):
        FORMAT.read(path, allowed_types(make_spec()))


def test_a_damaged_file_is_named(make_spec, rows, path):
    _, types = write(make_spec(), rows, path)
    path.write_bytes(path.read_bytes()[:1000])

    with pytest.raises(TrainingError, match=r"model\.skops is not a readable skops file"):
        FORMAT.read(path, types)


def test_a_file_with_something_else_is_refused(make_spec, path):
    skops.io.dump(LogisticRegression(), path)

    with pytest.raises(TrainingError, match="holds LogisticRegression, not a scikit-learn Pipeline"):
        FORMAT.read(path, allowed_types(make_spec()))
