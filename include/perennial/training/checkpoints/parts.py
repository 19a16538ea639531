"""Fits an estimator in parts: after each, its state can be stored, and a fit that begins there ends as one fit would."""

from __future__ import annotations

from typing import Any

from perennial.models.boosted import LIBRARIES, Boosted, library_of
from perennial.training.checkpoints.growing import NAMES, cannot_grow, grow
from perennial.training.checkpoints.passes import KINDS, cannot_pass, fit_by_passes
from perennial.training.checkpoints.state import AfterPart


def cannot_resume(estimator: Any) -> str:
    """Return why an estimator cannot be fitted in parts; '' if it can.

    Parameters
    ----------
    estimator : estimator
        One of a boosting library may be wrapped or not.
    """
    if type(estimator) in NAMES:
        return cannot_grow(estimator)
    if type(estimator) in KINDS:
        return cannot_pass(estimator)
    library = library_of(type(estimator))
    if LIBRARIES[library].continues if library else isinstance(estimator, Boosted) and estimator.continues:
        return ""
    return (
        f"{type(estimator).__name__} cannot go on after an interruption to the model that one fit gives: checkpoints are for "
        "LightGBM, XGBoost, MLPClassifier, MLPRegressor, and scikit-learn's forests, bagging and boosting of trees"
    )


def asked_iterations(estimator: Any) -> int:
    """Return how many iterations the whole fit has: rounds, trees or passes; for passes and rounds that may stop early, at most."""
    if isinstance(estimator, Boosted):
        return estimator.asked_rounds
    return int(estimator.get_params(deep=False)[NAMES.get(type(estimator), "max_iter")])


def fit_in_parts(
    estimator: Any, state: bytes | None, after_part: AfterPart, x: Any, y: Any, weights: Any, *, part_s: float
) -> None:
    """Fit an estimator, in place.

    Parameters
    ----------
    estimator : estimator
        One that can resume.
    state : bytes or None
        The first iterations of the same fit, as `after_part` got them; None: there are none.
    after_part : callable
        What it raises ends the fit.
    x, y, weights
        The prepared rows, their labels and their weights or None.
    part_s : float
        Seconds that a part of several trees takes at most; one iteration may take longer.
    """
    if isinstance(estimator, Boosted):
        library = LIBRARIES[str(library_of(type(estimator.estimator)))]

        def after_round(booster: Any) -> None:
            after_part(library.made(booster), lambda: library.write(booster))

        estimator.fit_from(state, after_round, x, y, weights)
    elif type(estimator) in NAMES:
        grow(estimator, state, after_part, x, y, weights, part_s=part_s)
    else:
        fit_by_passes(estimator, state, after_part, x, y, weights)
