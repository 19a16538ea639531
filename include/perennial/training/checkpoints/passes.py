"""Fits scikit-learn's networks pass by pass, by `partial_fit`, to the network that `fit` gives.

`fit` shuffles the rows before each pass, and each time the order of the pass before. `partial_fit` would begin with the same
order each time, so it gets rows that are in the right order already.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import shuffle

from perennial.training.checkpoints.state import AfterPart, restore_state, write_state

KINDS = (MLPClassifier, MLPRegressor)


def cannot_pass(network: Any) -> str:
    """Return why a network of `KINDS` cannot be fitted pass by pass; '' if it can."""
    if network.solver == "lbfgs":
        return f"{type(network).__name__} with solver lbfgs makes no passes over the rows: take adam or sgd"
    if network.early_stopping:
        return f"{type(network).__name__} with early_stopping would test on other rows in each pass"
    return ""


def fit_by_passes(network: Any, state: bytes | None, after_part: AfterPart, x: Any, y: Any, weights: Any) -> None:
    """Fit a network, in place; the arguments are those of `perennial.training.checkpoints.parts.fit_in_parts`."""
    given, labels = network.get_params(), {"classes": np.unique(y)} if is_classifier(network) else {}
    orders = _orders(clone(network), x, y, labels)
    if state is not None:
        restore_state(network, state)
    made = len(getattr(network, "loss_curve_", ()))
    network.set_params(shuffle=False)
    for order in islice(orders, made, given["max_iter"]):
        network.partial_fit(x[order], y[order], None if weights is None else weights[order], **labels)
        made += 1
        if network._no_improvement_count > given["n_iter_no_change"]:
            break
        after_part(made, lambda: write_state(network))
    else:
        warnings.warn(f"after {made} passes, which is max_iter, the loss still falls", ConvergenceWarning, stacklevel=2)
    network.n_iter_ = made
    network.set_params(shuffle=given["shuffle"])


def _orders(network: Any, x: Any, y: Any, labels: dict[str, Any]) -> Iterator[NDArray[np.intp]]:
    """Yield the order of the rows in each pass of `fit`."""
    order, shuffles, chance = np.arange(len(y)), network.shuffle, np.random.RandomState(network.random_state)
    # fit draws the first weights before the first order. Their number depends on the rows' width and the labels only.
    with warnings.catch_warnings(action="ignore"):
        network.set_params(random_state=chance, shuffle=False).partial_fit(x[:2], y[:2], **labels)
    while True:
        if shuffles:
            order = shuffle(order, random_state=chance)
        yield order
