"""Checks that a spec's estimator can be built as the spec says, fits its task and can give its metrics."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from perennial.linting.importing import CannotImport, import_name
from perennial.linting.parameters import parameters_of, wrong_parameters
from perennial.models.continuing import cannot_continue
from perennial.spec.evaluation import EvaluationSection
from perennial.spec.model import Model
from perennial.spec.reading.finding import Finding
from perennial.spec.reading.problem import dotted
from perennial.training.checkpoints.parts import cannot_resume

_NEED_PROBABILITIES = frozenset({"log_loss", "brier"})
_NEED_RANKING = frozenset({"roc_auc", "pr_auc"})
WEIGHTS = (("model", "weights"), ("model", "imbalance", "class_weights"), ("model", "mitigation"))
"""The fields by which an estimator is given weights of rows."""


def check_estimator(model: Model, task: str | None, evaluation: EvaluationSection | None) -> Iterator[Finding]:
    """Yield what is wrong with the estimator.

    Parameters
    ----------
    model : Model
    task : {'classification', 'regression'} or None
    evaluation : EvaluationSection or None
        None, here and for `task`: that part of the spec is itself wrong, so what depends on it is not checked.
    """
    module_name, _, name = model.estimator.rpartition(".")
    try:
        kind = import_name(module_name, name)
    except CannotImport as error:
        yield Finding(("model", "estimator"), error.message, error.hint)
        return
    if not (inspect.isclass(kind) and hasattr(kind, "fit") and hasattr(kind, "predict")):
        yield Finding(
            ("model", "estimator"), f"{model.estimator} is not an estimator: a class with fit and predict is needed"
        )
        return
    wrong_names = list(_wrong_names(kind, model))
    yield from wrong_names
    if not wrong_names:
        yield from _built(kind, model, task, evaluation)


def _wrong_names(kind: type, model: Model) -> Iterator[Finding]:
    parameters = parameters_of(kind)
    if parameters is not None and model.seed and "random_state" not in parameters:
        yield Finding(("model", "seed"), f"{kind.__name__} takes no random_state: leave the seed out")
    yield from wrong_parameters(kind, model.params, ("model", "params"))


def _built(kind: type, model: Model, task: str | None, evaluation: EvaluationSection | None) -> Iterator[Finding]:
    try:
        estimator = kind(**model.params)
        # scikit-learn validates values only in fit, which calls this first. Classes of other libraries may not have it.
        if hasattr(estimator, "_parameter_constraints"):
            estimator._validate_params()
    except Exception as error:
        yield Finding(("model", "params"), f"{kind.__name__} refuses them: {error}")
        return
    yield from _weights_not_taken(kind, model)
    if model.checkpoint_minutes is not None and (why := cannot_resume(estimator)):
        yield Finding(("model", "checkpoint_minutes"), why, "leave it out")
    if model.update is not None and (why := cannot_continue(estimator)):
        yield Finding(("model", "update"), why, "leave update out, or choose another estimator")
    if task is None:
        return
    said = _task_of(estimator)
    if said != task:
        others = f"it is for {said}" if said else "it says it is for neither classification nor regression"
        yield Finding(("model", "estimator"), f"{model.estimator} is not for {task}: {others}")
    elif evaluation is not None and task == "classification":
        yield from _metrics_out_of_reach(estimator, model, evaluation)


def _weights_not_taken(kind: type, model: Model) -> Iterator[Finding]:
    from sklearn.utils.validation import has_fit_parameter

    if model.weighs_rows and not has_fit_parameter(kind, "sample_weight"):
        given = (model.weights, model.imbalance.class_weights, model.mitigation)
        place = next(place for place, one in zip(WEIGHTS, given, strict=True) if one is not None)
        yield Finding(
            place,
            f"fit of {kind.__name__} takes no sample_weight, which {dotted(place)} needs",
            f"leave {place[-1]} out, or choose an estimator whose rows can be weighted",
        )


def _task_of(estimator: Any) -> str | None:
    from sklearn.base import is_classifier, is_regressor

    try:
        if is_classifier(estimator):
            return "classification"
        return "regression" if is_regressor(estimator) else None
    except Exception:  # a class without scikit-learn's tags
        return None


def _metrics_out_of_reach(estimator: Any, model: Model, evaluation: EvaluationSection) -> Iterator[Finding]:
    ranks = hasattr(estimator, "decision_function")
    made_probable = model.calibration is not None or model.is_reduced
    if hasattr(estimator, "predict_proba") or (made_probable and ranks):
        return
    name = type(estimator).__name__
    if model.calibration is not None:
        yield Finding(("model", "calibration"), f"{name} has neither decision_function nor predict_proba to calibrate")
    elif model.imbalance.threshold is not None or model.has_group_thresholds:
        yield Finding(
            ("model", "mitigation") if model.has_group_thresholds else ("model", "imbalance", "threshold"),
            f"a threshold is a probability, and {name} gives none",
            "set model.calibration" if ranks else "choose another estimator",
        )
    elif model.is_reduced:
        message = f"reductions need decision_function or predict_proba, and {name} has neither"
        yield Finding(("model", "mitigation", "method"), message)
    beyond = _NEED_PROBABILITIES
    if not ranks:
        beyond |= _NEED_RANKING
    for path, metric in evaluation.metric_paths():
        if metric in beyond:
            message = f"{metric!r} needs probabilities, and {name} gives none"
            yield Finding(("evaluation", *path), message)
