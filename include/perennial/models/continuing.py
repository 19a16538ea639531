"""Fits on: an estimator learns more rows without forgetting what it has learnt.

Three ways, by what the estimator is: more rounds of a booster (LightGBM's `init_model`, XGBoost's `xgb_model`), passes of
`partial_fit`, or more trees with `warm_start`. Other estimators with `warm_start` begin their next fit at the last solution
and end at that of the new rows alone; histogram boosting reads its earlier trees by the bins of the new rows. They are refused.
"""

from __future__ import annotations

from typing import Any

from perennial.models.boosted import LIBRARIES, Boosted, library_of


def cannot_continue(estimator: Any) -> str:
    """Return why an estimator cannot learn more rows; '' if it can.

    Parameters
    ----------
    estimator : estimator
        Fitted or not; one of a boosting library may be wrapped or not.
    """
    library = library_of(type(estimator))
    continues = LIBRARIES[library].continues if library else isinstance(estimator, Boosted) and estimator.continues
    if continues:
        return ""
    if hasattr(estimator, "partial_fit"):
        return _not_by_passes(estimator)
    if not library and _grows(estimator):
        return ""
    return (
        f"{type(estimator).__name__} cannot continue from a fitted state: it has neither partial_fit nor trees to add with "
        "warm_start, and is no booster of LightGBM or XGBoost"
    )


def continue_fit(estimator: Any, x: Any, y: Any, weights: Any, iterations: int) -> None:
    """Fit an estimator on, in place.

    Parameters
    ----------
    estimator : estimator
        Fitted, and one that can continue.
    x : array of shape (n, columns)
        Prepared rows.
    y : array of shape (n,)
        Their labels; in classification all of the labels that the estimator knows, and no others.
    weights : array of shape (n,) or None
    iterations : int
        Rounds, passes or trees.
    """
    told = {} if weights is None else {"sample_weight": weights}
    if isinstance(estimator, Boosted):
        estimator.add_rounds(x, y, weights, iterations)
    elif hasattr(estimator, "partial_fit"):
        for _ in range(iterations):
            estimator.partial_fit(x, y, **told)
    else:
        before = estimator.get_params(deep=False)["warm_start"]
        estimator.set_params(warm_start=True, n_estimators=len(estimator.estimators_) + iterations).fit(x, y, **told)
        estimator.set_params(warm_start=before)


def _grows(estimator: Any) -> bool:
    return {"warm_start", "n_estimators"} <= set(estimator.get_params(deep=False))


def _not_by_passes(estimator: Any) -> str:
    """Return why `partial_fit` would refuse; '' if it would not."""
    params, name = estimator.get_params(deep=False), type(estimator).__name__
    if params.get("early_stopping") is True:
        return f"{name} cannot continue with early_stopping: it would test on other rows each time"
    if params.get("class_weight") == "balanced":
        return f"{name} cannot continue with class_weight 'balanced': it would weigh the labels of the new rows only"
    return ""
