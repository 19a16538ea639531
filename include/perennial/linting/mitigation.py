"""Checks that an estimator can be mitigated, and says which column the model then reads where it serves."""

from __future__ import annotations

from collections.abc import Iterator

from perennial.linting.importing import CannotImport, import_name
from perennial.models.boosted import library_of
from perennial.spec import Features
from perennial.spec.mitigation import Mitigation
from perennial.spec.model import Model
from perennial.spec.reading.finding import Caution, Finding
from perennial.training.pipeline import NO_REDUCTIONS

_PLACE = ("model", "mitigation")


def check_mitigation(mitigation: Mitigation, model: Model, features: Features | None) -> Iterator[Finding]:
    """Yield what is wrong with the mitigation.

    Parameters
    ----------
    mitigation : Mitigation
    model : Model
        The model that it is for.
    features : Features or None
        None: that part of the spec is itself wrong, so what depends on it is not checked.
    """
    estimators = [one.estimator for one in model.candidates] or [model.estimator]
    if model.is_reduced and any(_is_boosted(path) for path in estimators):
        yield Finding((*_PLACE, "method"), NO_REDUCTIONS)
    if model.has_group_thresholds and features is not None and mitigation.column not in features.input_columns:
        yield Caution(
            (*_PLACE, "column"),
            f"{mitigation.column!r} is no feature, but thresholds by group need it wherever the model serves: it becomes one "
            "of the model's inputs",
            "reweighting and reductions need it in training only",
        )


def _is_boosted(path: str) -> bool:
    module_name, _, name = path.rpartition(".")
    try:
        return library_of(import_name(module_name, name)) is not None
    except CannotImport:
        return False
