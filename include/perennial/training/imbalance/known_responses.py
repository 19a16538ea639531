"""Classifiers that say what others have said, for calibrators and thresholds to learn from."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, ClassifierMixin


class _Known(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that says what it is given."""

    def __init__(self, classes_: Any) -> None:
        self.classes_ = classes_

    def fit(self, X: Any, y: Any) -> _Known:  # noqa: ARG002, N803 - scikit-learn's form
        """Do nothing."""
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Return the likeliest label of each row; scikit-learn asks for the method, and does not call it."""
        return self.classes_[X.argmax(axis=1)]

    def __sklearn_is_fitted__(self) -> bool:
        return True


class KnownProbabilities(_Known):
    """Of which the rows are the probabilities."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Return the rows."""
        return X


class KnownDecisions(_Known):
    """Of which the rows are the decision function."""

    def decision_function(self, X: Any) -> Any:  # noqa: N803
        """Return the rows; of two labels, the one column as an array."""
        return X[:, 0] if X.shape[1] == 1 else X
