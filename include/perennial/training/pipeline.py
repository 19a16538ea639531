"""The model before it is fitted: one scikit-learn Pipeline of transform, preparation and estimator.

The preparation is made in `perennial.training.features.steps`: the spec's own steps, and what becomes of features that no step takes.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sklearn.base import is_classifier, is_regressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import has_fit_parameter

from perennial.errors import TrainingError
from perennial.models.boosted import Boosted, BoostedClassifier, BoostedRegressor, library_of, missing_extra
from perennial.models.transform import load_transform
from perennial.spec.model import EARLY_STOPPING
from perennial.training.features.preparation import Readers
from perennial.training.features.steps import build_preparation, untaken
from perennial.training.imbalance.resampling import build_sampler

if TYPE_CHECKING:
    from perennial.spec import ModelSpec

NO_REDUCTIONS = (
    "reductions fit several models, and a bundle holds one booster of LightGBM, XGBoost or CatBoost: choose another method, "
    "or another estimator"
)

_HISTOGRAM_BOOSTING = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


def build_pipeline(spec: ModelSpec) -> Pipeline:
    """Build the unfitted model of a spec.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Steps `transform` (if the spec has one), `prepare`, one for each of the spec's steps that takes all, and
        `estimator`. Fitted on, and applied to, a data frame of the spec's input columns.

    Raises
    ------
    TrainingError
        The estimator, the transform or a step cannot be imported; the estimator or a step refuses its parameters;
        the estimator is not for the task, or takes no weights although the spec has some; or there is no such sampler.
    """
    estimator = _build_estimator(spec)
    sampler = build_sampler(spec)
    others = [sampler] if sampler is not None else []
    steps: list[tuple[str, Any]] = [
        *build_preparation(spec, estimator, others),
        ("estimator", _with_categories_marked(estimator, spec, others)),
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
        advice = missing_extra(module_name.partition(".")[0])
        raise TrainingError(
            f"model.estimator: {path} cannot be imported: {error}" + (f"; {advice}" if advice else "")
        ) from error
    try:
        if library_of(kind) is not None:
            estimator = _build_booster(spec, kind)
        else:
            if "random_state" in inspect.signature(kind).parameters:
                params["random_state"] = spec.model.seed
            estimator = kind(**params)
        fits = is_classifier(estimator) if spec.task == "classification" else is_regressor(estimator)
    except Exception as error:
        raise TrainingError(f"model.params: {path} cannot be built with them: {error}") from error
    if spec.model.is_reduced and isinstance(estimator, Boosted):
        raise TrainingError(f"model.mitigation: {NO_REDUCTIONS}")
    if spec.model.is_reduced and not (hasattr(estimator, "decision_function") or hasattr(estimator, "predict_proba")):
        raise TrainingError(
            f"model.mitigation: reductions need decision_function or predict_proba, and {path} has neither"
        )
    if not fits:
        raise TrainingError(f"model.estimator: {path} is not a {_NOUN[spec.task]}, and the spec's task is {spec.task}")
    if spec.model.weighs_rows and not has_fit_parameter(estimator, "sample_weight"):
        raise TrainingError(
            f"model.estimator: fit of {path} takes no sample_weight: leave weights, class_weights and such a mitigation out, or "
            "choose another"
        )
    return estimator


def _build_booster(spec: ModelSpec, kind: type) -> Boosted:
    """Build the estimator of a boosting library; early stopping is not its own, but that of the fit."""
    params = {name: value for name, value in spec.model.params.items() if name != EARLY_STOPPING}
    own = kind(**params, random_state=spec.model.seed)
    return BoostedClassifier(own) if is_classifier(own) else BoostedRegressor(own)


_NOUN = {"classification": "classifier", "regression": "regressor"}


def _with_categories_marked(estimator: Any, spec: ModelSpec, others: Sequence[Any]) -> Any:
    """Tell a boosting estimator which of its columns are categories, unless the spec does, or others read no numbered ones."""
    numbered = untaken(spec)
    if not isinstance(estimator, (*_HISTOGRAM_BOOSTING, Boosted)) or not numbered["categorical"]:
        return estimator
    if not Readers.of(estimator, others).takes_nan or any(step.takes_all for step in spec.features.steps):
        return estimator
    first = len(numbered["numeric"])
    categories = list(range(first, first + len(numbered["categorical"])))
    if isinstance(estimator, Boosted):
        estimator.set_params(categories=tuple(categories))
    elif "categorical_features" not in spec.model.params:
        estimator.set_params(categorical_features=categories)
    return estimator
