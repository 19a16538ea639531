"""A model's predictions, in one form for every kind of estimator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline

from perennial.errors import TrainingError
from perennial.models.boosted import BoostedClassifier

Label = int | float | str

_BOOSTED_TREES = ("sklearn.ensemble._hist_gradient_boosting.gradient_boosting", "HistGradientBoostingClassifier")


@dataclass(frozen=True)
class Threshold:
    """The label that is predicted where its probability is at least `at`; elsewhere the other of two is."""

    label: Label
    at: float


class Predictor(Protocol):
    """A fitted scikit-learn estimator; classifiers may have `classes_`, `predict_proba` and `decision_function`."""

    def predict(self, frame: pd.DataFrame) -> Any:
        """Return one label or number for each row."""


@dataclass(frozen=True)
class Predictions:
    """A model's predictions for n rows, in their order.

    Attributes
    ----------
    values : array of shape (n,)
        Predicted labels (classification) or numbers (regression).
    classes : tuple of labels
        The labels that the model knows, in the order of the columns below; empty for regression.
    probabilities : array of shape (n, len(classes)) or None
        Probability of each label. None if the model gives none.
    decisions : array of shape (n, len(classes)) or None
        Scores that only rank: the higher, the more likely the label. None if there are probabilities.
    threshold : Threshold or None
        What the labels in `values` follow from; None: the model has none of its own.
    """

    values: NDArray[Any]
    classes: tuple[Label, ...] = ()
    probabilities: NDArray[np.float64] | None = None
    decisions: NDArray[np.float64] | None = None
    threshold: Threshold | None = None

    @property
    def ranking(self) -> NDArray[np.float64] | None:
        """The scores that rank the rows by label: probabilities, or else decisions; None if there are neither."""
        return self.probabilities if self.probabilities is not None else self.decisions

    def at(self, rows: NDArray[Any]) -> Predictions:
        """Return the predictions for some of the rows: an array of positions, or of n booleans."""
        return replace(
            self,
            values=self.values[rows],
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            decisions=None if self.decisions is None else self.decisions[rows],
        )


def predict(model: Predictor, frame: Any) -> Predictions:
    """Return all predictions that the model can make for the rows.

    Parameters
    ----------
    model : fitted estimator
    frame : DataFrame, array or sparse matrix of shape (n, columns)
        The columns that the model reads.

    Raises
    ------
    TrainingError
        Its probabilities do not have one row for each row and one column for each label.
    """
    rows = frame.shape[0]
    if isinstance(model, Pipeline) and len(model) > 1:
        # What the estimator reads is made once, not once for each method that is called.
        frame, model = model[:-1].transform(frame), model[-1]
    known = getattr(model, "classes_", None)
    if known is None:
        return Predictions(_values(model, frame))
    classes = as_labels(known)
    if hasattr(model, "predict_proba"):
        probabilities = np.asarray(model.predict_proba(frame), dtype=np.float64)
        if probabilities.shape != (rows, len(classes)):
            raise TrainingError(
                f"predict_proba gives an array of shape {probabilities.shape} for {rows} rows "
                f"and {len(classes)} labels: it should have one row for each row and one column for each label"
            )
        threshold = threshold_of(model)
        labels = (
            _labels(model, frame, probabilities)
            if threshold is None
            else from_threshold(threshold, classes, probabilities)
        )
        return Predictions(labels, classes, probabilities=probabilities, threshold=threshold)
    values = _values(model, frame)
    if hasattr(model, "decision_function"):
        decisions = _one_column_per_label(np.asarray(model.decision_function(frame), dtype=np.float64), len(classes))
        return Predictions(values, classes, decisions=decisions)
    return Predictions(values, classes)


def threshold_of(estimator: object) -> Threshold | None:
    """Return the threshold that was chosen for a fitted classifier; None: it has none."""
    if not isinstance(estimator, FixedThresholdClassifier):
        return None
    return Threshold(estimator.pos_label, float(estimator.threshold))


def from_threshold(
    threshold: Threshold, classes: tuple[Label, ...], probabilities: NDArray[np.float64]
) -> NDArray[Any]:
    """Return the labels that follow from a threshold, as FixedThresholdClassifier's `predict`, which asks once more."""
    place = classes.index(threshold.label)
    reached = probabilities[:, place] >= threshold.at
    return as_array(classes)[np.where(reached, place, 1 - place)]


def as_array(labels: tuple[Label, ...]) -> NDArray[Any]:
    """Return labels as models give them: an array of numbers, or of objects if there is a text among them."""
    return np.array(labels, dtype=object if any(isinstance(label, str) for label in labels) else None)


def _values(model: Predictor, frame: Any) -> NDArray[Any]:
    return np.asarray(model.predict(frame)).ravel()


def _labels(model: Any, frame: Any, probabilities: NDArray[np.float64]) -> NDArray[Any]:
    """Return the predicted labels; of boosted trees the most likely ones, which their own `predict` gives as well.

    It would send each row through all trees a second time. Only for a row whose labels are exactly equally likely may it
    give another one of them.
    """
    if isinstance(model, BoostedClassifier) or (type(model).__module__, type(model).__name__) == _BOOSTED_TREES:
        return np.asarray(model.classes_[probabilities.argmax(axis=1)])
    return _values(model, frame)


def _one_column_per_label(decisions: NDArray[np.float64], labels: int) -> NDArray[np.float64] | None:
    if decisions.ndim == 1:
        # For two labels scikit-learn gives only the score of the second.
        return np.column_stack([-decisions, decisions])
    # One-vs-one scores have one column for each pair of labels, and cannot rank by one label.
    return decisions if decisions.shape[1] == labels else None


def concatenated(parts: Sequence[Predictions]) -> Predictions:
    """Return the predictions of models that know the same labels, one after the other, as one.

    Parameters
    ----------
    parts : sequence of Predictions, not empty
        All with probabilities or decisions, or none.
    """
    first = parts[0]
    return Predictions(
        values=np.concatenate([part.values for part in parts]),
        classes=first.classes,
        probabilities=_concatenated([part.probabilities for part in parts]),
        decisions=_concatenated([part.decisions for part in parts]),
    )


def _concatenated(parts: list[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    given = [part for part in parts if part is not None]
    return np.concatenate(given) if given else None


def identical(some: Predictions, others: Predictions) -> bool:
    """Tell whether two models predict the same for every row, bit for bit."""
    if some.classes != others.classes:
        return False
    pairs = (
        (some.values, others.values),
        (some.probabilities, others.probabilities),
        (some.decisions, others.decisions),
    )
    return all(_same_bits(one, other) for one, other in pairs)


def _same_bits(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    if one is None or other is None:
        return one is other
    floats = one.dtype.kind == other.dtype.kind == "f"
    return bool(np.array_equal(one, other, equal_nan=floats))


def as_labels(values: Iterable[Any]) -> tuple[Label, ...]:
    """Return labels as plain numbers and texts, so that those of a model and those of a snapshot compare equal."""
    plain = (value.item() if isinstance(value, np.generic) else value for value in values)
    # NaN equals nothing, not even itself: as text it can be counted like any other wrong answer.
    return tuple(value if isinstance(value, Label) and value == value else str(value) for value in plain)


def distinct_labels(values: NDArray[Any]) -> tuple[Label, ...]:
    """Return each label of an array once, in the order of `join_labels`."""
    return join_labels(as_labels(pd.unique(values)))


def join_labels(*groups: Iterable[Label]) -> tuple[Label, ...]:
    """Return every label of the groups once: numbers in order, then texts in order."""
    distinct = {label for group in groups for label in group}
    return tuple(sorted(distinct, key=lambda label: (isinstance(label, str), label)))


def positions(values: NDArray[Any], labels: tuple[Label, ...]) -> NDArray[np.intp]:
    """Return the position in `labels` of each value, shape (n,)."""
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    place = {label: i for i, label in enumerate(labels)}
    return np.array([place[label] for label in as_labels(distinct)], dtype=np.intp)[codes]
