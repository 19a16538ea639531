"""Models that contain training rows: they may be stored only where the rows may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from perennial.errors import TrainingError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from perennial.spec import ModelSpec

# The attributes in which scikit-learn's estimators keep rows: neighbours, support vectors, Gaussian processes, kernel
# ridge, label propagation.
_ATTRIBUTES = ("_fit_X", "support_vectors_", "X_train_", "X_fit_", "X_")


def refuse_kept_rows(pipeline: Pipeline, spec: ModelSpec) -> None:
    """Raise TrainingError if a part of the fitted model keeps rows that it was fitted on."""
    for part in _parts(pipeline):
        for name in _ATTRIBUTES:
            if name in vars(part):
                raise TrainingError(
                    f"{type(part).__name__} keeps rows of its training in the model ({name}), and region "
                    f"{spec.region!r} has no MLflow server of its own: name one, or choose another estimator"
                )


def _parts(value: Any) -> Iterator[BaseEstimator]:
    """Yield the estimator and those inside it, however deep they are nested in lists and mappings."""
    if isinstance(value, BaseEstimator):
        yield value
        value = vars(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item)
