"""Finds, without data, what of a model an ONNX file cannot hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from perennial.linting.importing import CannotImport, import_name
from perennial.models.boosted import library_of
from perennial.spec import Features
from perennial.spec.model import Model
from perennial.spec.reading.finding import Caution, Finding
from perennial.spec.reading.problem import FieldPath

_HINT = "change it, or take onnx out of packages"
_CATEGORIES = "histogram boosting with categories is converted wrongly: name no categorical features, or set categorical_features to null"


def check_onnx(model: Model, features: Features | None) -> Iterator[Finding]:
    """Yield what is not converted: with it, a candidate could not be packaged, and would be refused.

    Parameters
    ----------
    model : Model
    features : Features or None
        None: that part of the spec is itself wrong, so what depends on it is not checked.
    """
    try:
        from perennial.packages.onnx_estimator import is_known
    except ImportError as error:
        yield Caution(
            ("packages",), f"ONNX's libraries are not installed here: {error}", "pip install 'perennial[onnx]'"
        )
        return
    found = [*_in_model(model), *(_in_features(features) if features is not None else ())]
    estimators: dict[FieldPath, tuple[str, Mapping[str, Any]]] = {
        ("model", "candidates", number): (one.estimator, one.params) for number, one in enumerate(model.candidates)
    }
    for at, (path, params) in (estimators or {("model",): (model.estimator, model.params)}).items():
        module_name, _, name = path.rpartition(".")
        try:
            kind = import_name(module_name, name)
        except CannotImport:
            continue
        if library_of(kind) is not None:
            found.append(((*at, "estimator"), f"a booster of {library_of(kind)} is not converted"))
        elif not is_known(kind):
            found.append(((*at, "estimator"), f"skl2onnx cannot convert {name}"))
        elif features is not None and _reads_categories(name, params, features):
            found.append(((*at, "estimator"), _CATEGORIES))
    for place, message in found:
        yield Finding(place, f"packages: onnx: {message}", _HINT)


def _in_model(model: Model) -> Iterator[tuple[FieldPath, str]]:
    if model.ensemble is not None:
        yield ("model", "ensemble"), "several models serve together, and one ONNX file holds one"
    if model.calibration is not None:
        yield ("model", "calibration"), "calibrated probabilities are not converted"
    if model.has_group_thresholds:
        yield ("model", "mitigation", "method"), "thresholds by group are not converted"
    elif model.imbalance.threshold is not None:
        yield ("model", "imbalance", "threshold"), "a decision threshold is not converted"
    if model.is_reduced:
        yield ("model", "mitigation", "method"), "the models of reductions are not converted"


def _in_features(features: Features) -> Iterator[tuple[FieldPath, str]]:
    if features.transform is not None:
        yield ("features", "transform"), "Python code makes the features, which ONNX cannot hold"
    for number, step in enumerate(features.steps):
        yield ("features", "steps", number), f"the spec's own step {step.transformer} is not converted"
    if features.text:
        yield ("features", "text"), "the preparation of text is not converted"
    if features.datetime:
        yield ("features", "datetime"), "the preparation of times is not converted"


def _reads_categories(name: str, params: Mapping[str, Any], features: Features) -> bool:
    """Tell whether histogram boosting would read categories."""
    if not name.startswith("HistGradientBoosting"):
        return False
    return params.get("categorical_features", features.categorical) not in (None, ())
