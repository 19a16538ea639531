"""Fits scikit-learn's ensembles of trees in parts, by `warm_start`.

Trees that are added on the same rows are those that one fit would have made. Forests and bagging skip the random numbers of
the trees that are there. Boosting keeps its random state beside its trees, and scores the rows anew with the trees so far.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from joblib import effective_n_jobs
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from perennial.training.checkpoints.state import AfterPart, restore_state, write_state

NAMES: Mapping[type, str] = {
    BaggingClassifier: "n_estimators",
    BaggingRegressor: "n_estimators",
    ExtraTreesClassifier: "n_estimators",
    ExtraTreesRegressor: "n_estimators",
    GradientBoostingClassifier: "n_estimators",
    GradientBoostingRegressor: "n_estimators",
    HistGradientBoostingClassifier: "max_iter",
    HistGradientBoostingRegressor: "max_iter",
    RandomForestClassifier: "n_estimators",
    RandomForestRegressor: "n_estimators",
}
"""Class -> the parameter for its number of trees, or of rounds. Not for subclasses, which may draw otherwise."""


def cannot_grow(estimator: Any) -> str:
    """Return why an estimator of `NAMES` cannot be fitted in parts; '' if it can."""
    params, name = estimator.get_params(deep=False), type(estimator).__name__
    if params.get("n_iter_no_change") is not None and "n_estimators" in params:
        return f"{name} with n_iter_no_change forgets its losses between two parts of a fit"
    if params.get("scoring", "loss") != "loss":
        return f"{name} keeps a scorer, which cannot be stored, unless scoring is 'loss'"
    return ""


def grow(
    estimator: Any,
    state: bytes | None,
    after_part: AfterPart,
    x: Any,
    y: Any,
    weights: Any,
    *,
    part_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Fit an estimator of `NAMES`, in place; the arguments are those of `perennial.training.checkpoints.parts.fit_in_parts`."""
    name, given = NAMES[type(estimator)], estimator.get_params(deep=False)
    if state is not None:
        restore_state(estimator, state)
    # As many trees as are made at once; each part prepares the rows anew, so parts grow until they take long enough.
    made, part = _made(estimator), effective_n_jobs(given.get("n_jobs"))
    while made < given[name]:
        began, planned = clock(), min(given[name], made + part)
        estimator.set_params(warm_start=True, **{name: planned}).fit(x, y, sample_weight=weights)
        made = _made(estimator)
        if made < planned or _has_stopped(estimator):
            break
        if 2 * (clock() - began) < part_s:
            part *= 2
        after_part(made, lambda: write_state(estimator))
    estimator.set_params(warm_start=given["warm_start"], **{name: given[name]})


def _made(estimator: Any) -> int:
    if hasattr(estimator, "estimators_"):
        return len(estimator.estimators_)
    return int(getattr(estimator, "n_iter_", 0))


def _has_stopped(estimator: Any) -> bool:
    """Return whether histogram boosting stops early after its last round, by its own rule."""
    if not getattr(estimator, "do_early_stopping_", False):
        return False
    scores = estimator.train_score_ if estimator.validation_fraction is None else estimator.validation_score_
    return bool(estimator._should_stop(scores))
