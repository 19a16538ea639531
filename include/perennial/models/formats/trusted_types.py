"""Types that are allowed in a model file even if the spec does not name them: those of scikit-learn's own estimators.

skops reads a model without running code from the file: it creates instances of types by name, and refuses
every type that is neither on its own list (scikit-learn's public estimators, NumPy's and SciPy's data) nor
allowed by the caller. This list adds the types in Perennial's preprocessing and in the usual estimators. The source of
each was reviewed for what creating and using an instance can do. None opens a file, a socket or a process, imports a
module or evaluates text.

The list does not protect against one thing: trees and neighbour indices follow node numbers without checking them, so a
malicious file could crash the process that predicts. Models are therefore loaded only from the MLflow server that the
deployment names, and those who can write there must be trusted not to do this.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from perennial.errors import TrainingError
from perennial.models.transform import load_transform, trusted_name
from perennial.models.transformer import trusted_names

if TYPE_CHECKING:
    from perennial.spec import ModelSpec

REVIEWED_TYPES: dict[str, str] = {
    "functools.partial": "wraps a function that must itself be on the list; histogram boosting wraps check_array",
    "numpy.asarray": "Perennial's step from times to numbers; makes an array",
    "numpy.clip": "Perennial's step that bounds numbers; computes on arrays",
    "numpy.dtype": "a type of numbers, by name",
    "numpy.interp": "Perennial's step from times to hours and days; computes on arrays",
    "numpy.nan_to_num": "Perennial's step that takes infinity for missing; computes on arrays",
    "numpy.reshape": "Perennial's step from times to a column of numbers",
    "pandas.to_datetime": "Perennial's step that reads times; parses text by formats, evaluates none",
    "scipy._lib.array_api_compat.numpy._aliases.asarray": "makes an array; spline coefficients keep it",
    "scipy.interpolate._bsplines.BSpline": "a spline, as arrays; SplineTransformer",
    "skrub._to_str.ToStr": "a column as text, before skrub's text encoders",
    "skrub._utils.LRUDict": "a dictionary of bounded size; the hashes that MinHashEncoder keeps",
    "sklearn._loss.loss.HalfTweedieLoss": "loss function; numbers only",
    "sklearn._loss.loss.HalfTweedieLossIdentity": "loss function; numbers only",
    "sklearn.calibration._CalibratedClassifier": "holds the calibrators of CalibratedClassifierCV",
    "sklearn.calibration._SigmoidCalibration": "two coefficients",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor": "a tree of histogram boosting, as arrays",
    "sklearn.feature_selection._univariate_selection.f_classif": "computes on arrays; the default of SelectKBest",
    "sklearn.metrics._dist_metrics.EuclideanDistance64": "distance function of a neighbour index",
    "sklearn.neighbors._ball_tree.BallTree": "neighbour index, as arrays",
    "sklearn.neighbors._kd_tree.KDTree": "neighbour index, as arrays",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer": "state of a fit; numbers only",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer": "state of a fit; numbers only",
    "sklearn.tree._tree.Tree": "a decision tree, as arrays",
    "sklearn.utils.validation.check_array": "checks arrays; histogram boosting keeps it as a step",
}


def allowed_types(spec: ModelSpec) -> set[str]:
    """Return the reviewed types and those that a spec allows.

    The function that `features.transform` names is among them, and what `features.steps` import: naming allows them.
    """
    allowed = {*REVIEWED_TYPES, *spec.model.trusted_types}
    if spec.features.transform is not None:
        allowed.add(trusted_name(load_transform(spec.features.transform)))
    for step in spec.features.steps:
        allowed.update(trusted_names(step))
    return allowed


def check_allowed(types: Iterable[str], spec: ModelSpec) -> None:
    """Raise TrainingError for types, found in a model's file, that neither the reviewed list nor the spec allows."""
    refused = sorted(set(types) - allowed_types(spec))
    if refused:
        raise TrainingError(
            f"the model holds types that are not allowed: {', '.join(refused)}. If you trust their code, list them "
            f"under model.trusted_types of {spec.name}'s spec"
        )
