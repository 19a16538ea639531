"""A booster's fit that is looked at while it grows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perennial.models.boosted import Boosted, library_of

PARTS = 10
"""A booster is looked at after each tenth of its rounds."""

Watch = Callable[[int], None]
"""Is called after each part of the rounds but the last, with its number from 1; the model can predict then."""


class EndedEarly(Exception):
    """What a watch raises to end the fit."""


def can_be_watched(estimator: Any) -> bool:
    """Tell whether an estimator can predict while it is fitted."""
    return isinstance(estimator, Boosted) and estimator.continues


def fit_watched(booster: Boosted, watch: Watch, x: Any, y: Any, weights: Any) -> None:
    """Fit a booster in place, as its `fit` does, and have a watch look at it.

    Parameters
    ----------
    booster : Boosted
        Of a library that can be watched.
    watch : callable
    x, y, weights
        As for `fit`; weights may be None.
    """
    rounds, made = booster.asked_rounds, 0

    def after_round(native: Any) -> None:
        nonlocal made
        made += 1
        part = PARTS * made // rounds
        if PARTS * (made - 1) // rounds < part < PARTS:
            booster.keep(str(library_of(type(booster.estimator))), native, x.shape[1])
            watch(part)

    booster.fit_from(None, after_round, x, y, weights)
