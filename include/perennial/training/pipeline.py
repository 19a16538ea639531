"""The model before it is fitted: one scikit-learn Pipeline of transform, preprocessing and estimator.

The preprocessing depends on the estimator's scikit-learn tags:

=================================  =======================================  ==================================
feature                            takes NaN (histogram boosting, trees,    takes none (linear models, SVMs,
                                   forests)                                 neighbours, gradient boosting, ...)
=================================  =======================================  ==================================
numeric                            passed through                           median, a column that says where it
                                                                            was missing, standard scale
categorical                        numbered; rarest grouped beyond 255;     one column for each; rarer than
                                   unseen counts as missing                 1 in 1000 grouped; unseen joins them
=================================  =======================================  ==================================

Infinity in a numeric feature counts as missing; a number beyond 3.4e38, with which estimators cannot compute, is
replaced by this bound. Every step is scikit-learn's or NumPy's own, so that
serving a model needs neither Perennial nor trust in its code.
"""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from perennial.data.values.columns import LARGEST_NUMBER
from perennial.errors import TrainingError
from perennial.models.transform import load_transform

if TYPE_CHECKING:
    from perennial.spec import ModelSpec

# Histogram boosting takes at most as many categories as bins; the default is 255.
MOST_NUMBERED_CATEGORIES = 255
RAREST_OWN_COLUMN = 0.001
MISSING = "(missing)"

_HISTOGRAM_BOOSTING = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


def build_pipeline(spec: ModelSpec) -> Pipeline:
    """Build the unfitted model of a spec.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Steps `transform` (if the spec has one), `prepare` and `estimator`. Fitted on, and applied to, a
        data frame of the spec's input columns.

    Raises
    ------
    TrainingError
        The estimator or the transform cannot be imported, or the estimator refuses its parameters, is not for the
        task, or takes no weights although the spec has some.
    """
    estimator = _build_estimator(spec)
    steps: list[tuple[str, Any]] = [
        ("prepare", _build_preparation(spec, estimator)),
        ("estimator", _with_categories_marked(estimator, spec)),
    ]
    if spec.features.transform is not None:
        steps.insert(0, ("transform", FunctionTransformer(load_transform(spec.features.transform))))
    return Pipeline(steps)


def _build_estimator(spec: ModelSpec) -> Any:
    path, params = spec.model.estimator, dict(spec.model.params)
    module_name, _, class_name = path.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise TrainingError(f"model.estimator: {path} cannot be imported: {error}") from error
    try:
        if "random_state" in inspect.signature(kind).parameters:
            params["random_state"] = spec.model.seed
        estimator = kind(**params)
        fits = is_classifier(estimator) if spec.task == "classification" else is_regressor(estimator)
    except Exception as error:
        raise TrainingError(f"model.params: {path} cannot be built with them: {error}") from error
    if not fits:
        raise TrainingError(f"model.estimator: {path} is not a {_NOUN[spec.task]}, and the spec's task is {spec.task}")
    if spec.model.weights is not None and not has_fit_parameter(estimator, "sample_weight"):
        raise TrainingError(
            f"model.weights: fit of {path} takes no sample_weight: leave weights out, or choose another"
        )
    return estimator


_NOUN = {"classification": "classifier", "regression": "regressor"}


def _build_preparation(spec: ModelSpec, estimator: Any) -> ColumnTransformer:
    tags = get_tags(estimator).input_tags
    if tags.allow_nan:
        numeric: Any = Pipeline(_computable())
        categorical: Any = OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
            max_categories=min(MOST_NUMBERED_CATEGORIES, getattr(estimator, "max_bins", MOST_NUMBERED_CATEGORIES)),
        )
    else:
        numeric = Pipeline(
            [
                *_computable(),
                ("impute", SimpleImputer(strategy="median", add_indicator=True)),
                ("scale", StandardScaler()),
                # Divided by a small standard deviation, a large number becomes even larger.
                ("scaled_bounded", _bounded()),
            ]
        )
        categorical = Pipeline(
            [
                # A missing value is NaN in a snapshot, but None in a request to a server.
                ("nan", SimpleImputer(strategy="constant", fill_value=MISSING)),
                ("none", SimpleImputer(missing_values=None, strategy="constant", fill_value=MISSING)),
                ("one_hot", _one_hot(sparse=tags.sparse)),
            ]
        )
    parts = [
        ("numeric", numeric, list(spec.features.numeric)),
        ("categorical", categorical, list(spec.features.categorical)),
    ]
    return ColumnTransformer([part for part in parts if part[2]])


def _one_hot(*, sparse: bool) -> OneHotEncoder:
    return OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RAREST_OWN_COLUMN, sparse_output=sparse)


def _computable() -> list[tuple[str, FunctionTransformer]]:
    """Return the steps that bound numbers so that means and squares cannot overflow."""
    missing = {"nan": np.nan, "posinf": np.nan, "neginf": np.nan}
    finite = FunctionTransformer(np.nan_to_num, kw_args=missing, feature_names_out="one-to-one")
    return [("finite", finite), ("bounded", _bounded())]


def _bounded() -> FunctionTransformer:
    bounds = {"a_min": -LARGEST_NUMBER, "a_max": LARGEST_NUMBER}
    return FunctionTransformer(np.clip, kw_args=bounds, feature_names_out="one-to-one")


def _with_categories_marked(estimator: Any, spec: ModelSpec) -> Any:
    """Tell histogram boosting which of its columns are categories, unless the spec does."""
    features = spec.features
    if isinstance(estimator, _HISTOGRAM_BOOSTING) and features.categorical:
        if "categorical_features" in spec.model.params:
            return estimator
        first = len(features.numeric)
        estimator.set_params(categorical_features=list(range(first, first + len(features.categorical))))
    return estimator
