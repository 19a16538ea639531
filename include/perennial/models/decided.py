"""A fitted classifier within what calibrates it and sets its threshold."""

from __future__ import annotations

from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier


def innermost(estimator: Any) -> Any:
    """Return a fitted estimator without the calibration and the threshold that were added to it."""
    for kind in (FixedThresholdClassifier, CalibratedClassifierCV):
        if isinstance(estimator, kind) and isinstance(estimator.estimator, FrozenEstimator):
            estimator = estimator.estimator.estimator
    return estimator
