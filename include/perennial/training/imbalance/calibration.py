"""Corrects the probabilities of a fitted classifier by what others have said of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from perennial.training.imbalance.known_responses import KnownDecisions, KnownProbabilities

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def calibrate(
    fitted: Any, method: Literal["isotonic", "sigmoid"], responses: NDArray[Any], labels: NDArray[Any]
) -> tuple[CalibratedClassifierCV, NDArray[np.float64]]:
    """Return a fitted classifier with calibrators, and what it makes of the responses.

    Parameters
    ----------
    fitted : classifier
        It is not changed.
    method : {'isotonic', 'sigmoid'}
    responses : array of shape (m, columns)
        What the calibrators learn from: the decision function if the classifier has one, otherwise the probabilities.
    labels : array of shape (m,)
        Of the same rows; all that the classifier knows, each at least twice.

    Returns
    -------
    CalibratedClassifierCV
    array of shape (m, labels)
        Probabilities of the labels that follow from the responses.
    """
    others = (KnownDecisions if hasattr(fitted, "decision_function") else KnownProbabilities)(fitted.classes_)
    model: Any = CalibratedClassifierCV(FrozenEstimator(others), method=method, ensemble=False, cv=2)
    model.fit(responses, labels)
    probabilities = model.predict_proba(responses)
    # From here on the calibrators read the classifier itself.
    model.estimator = model.calibrated_classifiers_[0].estimator = FrozenEstimator(fitted)
    model.n_features_in_ = fitted.n_features_in_
    return model, probabilities
