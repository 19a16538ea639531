"""Checks that a spec's sampler can be built as the spec says, and suits the features."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from perennial.linting.importing import CannotImport, import_name
from perennial.spec import Features
from perennial.spec.imbalance import Resampling
from perennial.spec.reading.finding import Caution, Finding
from perennial.spec.reading.problem import did_you_mean

_PLACE = ("model", "imbalance", "resampling")


def check_resampling(resampling: Resampling, features: Features | None) -> Iterator[Finding]:
    """Yield what is wrong with the sampler.

    Parameters
    ----------
    resampling : Resampling
    features : Features or None
        None: that part of the spec is itself wrong, so what depends on it is not checked.
    """
    module_name, _, name = resampling.sampler.rpartition(".")
    try:
        kind = import_name(module_name, name)
    except CannotImport as error:
        yield Finding((*_PLACE, "sampler"), error.message, error.hint)
        return
    if not (inspect.isclass(kind) and hasattr(kind, "fit_resample")):
        yield Finding(
            (*_PLACE, "sampler"), f"{resampling.sampler} is not a sampler: a class with fit_resample is needed"
        )
        return
    takes = inspect.signature(kind).parameters
    unknown = [given for given in resampling.params if given not in takes]
    for given in unknown:
        yield Finding((*_PLACE, "params", given), f"{name} has no parameter {given!r}", did_you_mean(given, takes))
    if not unknown:
        yield from _refused(kind, resampling)
    if features is not None:
        yield from _unsuited(
            name, mixed="categorical_features" in takes, interpolates="k_neighbors" in takes, of=features
        )


def _refused(kind: type, resampling: Resampling) -> Iterator[Finding]:
    found = {"categorical_features": [0]} if "categorical_features" in inspect.signature(kind).parameters else {}
    try:
        # imbalanced-learn validates values only in fit_resample, which calls this first.
        kind(**resampling.params, **found)._validate_params()
    except Exception as error:
        yield Finding((*_PLACE, "params"), f"{kind.__name__} refuses them: {error}")


def _unsuited(name: str, *, mixed: bool, interpolates: bool, of: Features) -> Iterator[Finding]:
    if mixed and not of.categorical:
        yield Finding((*_PLACE, "sampler"), f"{name} is for mixed columns, and no feature is categorical", "take SMOTE")
    if interpolates and not mixed and of.categorical:
        yield Caution(
            (*_PLACE, "sampler"),
            f"{name} makes rows between two others, also between two categories",
            "SMOTENC gives the categorical features of such a row a category that there is",
        )
