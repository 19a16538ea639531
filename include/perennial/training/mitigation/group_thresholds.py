"""Chooses the probability from which the positive label is predicted, for each group, by Fairlearn's optimiser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from fairlearn.postprocessing import ThresholdOptimizer

from perennial.models.by_group import GroupThresholds
from perennial.training.imbalance.known_responses import KnownProbabilities
from perennial.training.imbalance.threshold import between
from perennial.training.mitigation.groups import OTHERS

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from perennial.models.predictions import Label

_PARITY = {"demographic_parity": "demographic_parity", "equal_opportunity": "true_positive_rate_parity"}


def choose_thresholds(
    column: str,
    label: Label,
    constraint: str,
    objective: str,
    *,
    groups: NDArray[np.object_],
    positive: NDArray[np.bool_],
    probability: NDArray[np.float64],
) -> GroupThresholds:
    """Return the thresholds at which a rate is alike in all groups, and the objective is best.

    Fairlearn's ThresholdOptimizer (Hardt, Price and Srebro, 2016) finds the common rate. To reach it exactly it draws some
    labels by chance; here each group gets the one threshold whose rate is nearest to it, so that the same row always gets
    the same label.

    Parameters
    ----------
    column : str
        The column of the groups.
    label : int, float or str
        The positive label.
    constraint : {'demographic_parity', 'equal_opportunity'}
        Whether the share of rows predicted as the positive label, or the same of rows that have it, is alike.
    objective : {'accuracy', 'balanced_accuracy'}
    groups : array of shape (n,)
        Of rows that the model has not learnt from; those of `OTHERS` get the threshold of all rows together.
    positive : array of shape (n,)
        Whether each row has the positive label.
    probability : array of shape (n,)
        Of the positive label.
    """
    known = groups != OTHERS
    rate = _common_rate(_PARITY[constraint], objective, groups[known], positive[known], probability[known])
    counted = positive if constraint == "equal_opportunity" else np.ones(len(positive), dtype=bool)
    return GroupThresholds(
        column=column,
        label=label,
        at={
            str(group): _reaching(rate, probability[counted & (groups == group)])
            for group in sorted(set(groups))
            if group != OTHERS
        },
        otherwise=_reaching(rate, probability[counted]),
    )


def _common_rate(
    parity: str,
    objective: str,
    groups: NDArray[np.object_],
    positive: NDArray[np.bool_],
    probability: NDArray[np.float64],
) -> float:
    optimizer: Any = ThresholdOptimizer(
        estimator=KnownProbabilities(np.array([0, 1])),
        constraints=parity,
        objective=f"{objective}_score",
        prefit=True,
        predict_method="predict_proba",
    )
    both = np.column_stack([1 - probability, probability])
    optimizer.fit(both, positive.astype(int), sensitive_features=groups)
    # How likely each row would be drawn as positive; the rate is the same in each group, but for rounding.
    drawn = np.empty(len(groups))
    for group, found in optimizer.interpolated_thresholder_.interpolation_dict.items():
        of_group = groups == group
        drawn[of_group] = sum(
            share * operation(probability[of_group])
            for share, operation in ((found.p0, found.operation0), (found.p1, found.operation1))
        )
    return float(drawn[positive].mean() if parity == "true_positive_rate_parity" else drawn.mean())


def _reaching(rate: float, probability: NDArray[np.float64]) -> float:
    """Return the threshold that a share of these probabilities reaches which is nearest to a rate."""
    ranked = np.sort(probability)[::-1]
    last = np.append(ranked[1:] < ranked[:-1], True)
    shares = np.concatenate([[0.0], (np.flatnonzero(last) + 1) / len(ranked)])
    return float(between(ranked[last])[np.argmin(np.abs(shares - rate))])
