"""Calibrates a fitted classifier and sets its threshold, by predictions of models for rows that they have not learnt from.

The models are those of the folds of `cross_validation`, by default expanding folds by time. The classifier itself is fitted
on all training rows; what the folds' models said tells how far its probabilities can be believed, and from which one on the
positive label should be predicted. Both become part of the model, as classes of scikit-learn: CalibratedClassifierCV, whose
calibrators are Platt's sigmoid (1999) or isotonic regression (Zadrozny and Elkan, 2002), and FixedThresholdClassifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier

from perennial.data.labels import positive_label
from perennial.data.weights import metric_weights
from perennial.errors import TrainingError
from perennial.models.by_group import GroupThresholdClassifier
from perennial.models.predictions import as_labels
from perennial.training.imbalance.calibration import calibrate
from perennial.training.imbalance.threshold import best_threshold
from perennial.training.mitigation.groups import training_groups

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from perennial.spec import ModelSpec


@dataclass(frozen=True)
class OutOfFold:
    """What models said of n rows that they had not learnt from.

    Attributes
    ----------
    rows : pandas.DataFrame of n rows
    labels : array of shape (n,)
        The target.
    responses : array of shape (n, 1) or (n, k)
        Their decision function, or their probabilities if they have none.
    """

    rows: pd.DataFrame
    labels: NDArray[Any]
    responses: NDArray[np.float64]


def undecided(spec: ModelSpec) -> ModelSpec:
    """Return the spec without calibration and threshold: that of the models of the folds."""
    imbalance = spec.model.imbalance.model_copy(update={"threshold": None})
    model = spec.model.model_copy(update={"calibration": None, "imbalance": imbalance})
    if model.has_group_thresholds:
        model = model.model_copy(update={"mitigation": None})
    return spec.model_copy(update={"model": model})


def responses_of(spec: ModelSpec, estimator: Any, prepared: Any) -> NDArray[np.float64]:
    """Return what an undecided estimator says of n prepared rows, in the form of `OutOfFold.responses`.

    Raises
    ------
    TrainingError
        It gives no probabilities, and is not calibrated to give some; or neither these nor a decision function.
    """
    if spec.model.calibration is not None and hasattr(estimator, "decision_function"):
        said = np.asarray(estimator.decision_function(prepared), dtype=np.float64)
    elif hasattr(estimator, "predict_proba"):
        said = np.asarray(estimator.predict_proba(prepared), dtype=np.float64)
    elif spec.model.calibration is None:
        threshold = "mitigation" if spec.model.has_group_thresholds else "imbalance.threshold"
        raise TrainingError(
            f"model.{threshold}: {spec.model.estimator} gives no probabilities: set model.calibration, or choose "
            "another estimator"
        )
    else:
        raise TrainingError(
            f"model.calibration: {spec.model.estimator} has neither decision_function nor predict_proba to calibrate"
        )
    return said.reshape(prepared.shape[0], -1)


def decide(spec: ModelSpec, fitted: Any, said: OutOfFold) -> Any:
    """Return a fitted classifier with the spec's calibration and its threshold, or thresholds by group.

    Parameters
    ----------
    spec : ModelSpec
    fitted : classifier
        Fitted on all training rows; it is not changed.
    said : OutOfFold

    """
    model: Any = fitted
    probabilities = said.responses
    if spec.model.calibration is not None:
        model, probabilities = calibrate(fitted, spec.model.calibration, said.responses, said.labels)
    if spec.model.has_group_thresholds:
        return _with_group_thresholds(spec, model, said, probabilities)
    if spec.model.imbalance.threshold is None:
        return model
    return _with_threshold(spec, model, said, probabilities)


def _with_threshold(
    spec: ModelSpec, model: Any, said: OutOfFold, probabilities: NDArray[np.float64]
) -> FixedThresholdClassifier:
    imbalance, labels = spec.model.imbalance, as_labels(model.classes_)
    place = labels.index(positive_label(spec, labels))
    costs = None
    if imbalance.costs is not None:
        at = [imbalance.costs.labels.index(labels[i]) for i in (1 - place, place)]
        costs = np.asarray(imbalance.costs.matrix)[np.ix_(at, at)]
    threshold = best_threshold(
        str(imbalance.threshold),
        said.labels == labels[place],
        probabilities[:, place],
        weights=metric_weights(spec, said.rows),
        costs=costs,
    )
    decided = FixedThresholdClassifier(
        FrozenEstimator(model),
        threshold=threshold,
        pos_label=labels[place],
        response_method="predict_proba",
    )
    # Fitting a frozen estimator only takes over what it knows.
    return decided.fit(said.responses[:1], said.labels[:1])


def _with_group_thresholds(
    spec: ModelSpec, model: Any, said: OutOfFold, probabilities: NDArray[np.float64]
) -> GroupThresholdClassifier:
    from perennial.training.mitigation.group_thresholds import choose_thresholds

    mitigation, labels = spec.model.mitigation, as_labels(model.classes_)
    assert mitigation is not None  # noqa: S101 - the spec asks for thresholds by group
    place = labels.index(positive_label(spec, labels))
    thresholds = choose_thresholds(
        mitigation.column,
        labels[place],
        str(mitigation.constraint),
        spec.model.imbalance.threshold or "accuracy",
        groups=training_groups(spec, said.rows, said.labels),
        positive=said.labels == labels[place],
        probability=probabilities[:, place],
    )
    return GroupThresholdClassifier.around(model, thresholds)
