"""The weighted mean of the predictions of several models. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from perennial.ensemble.weights import normalised
from perennial.models.predictions import (
    Label,
    Predictions,
    Threshold,
    as_array,
    from_threshold,
    join_labels,
    positions,
)


def weighted_mean(answers: Sequence[Predictions], weights: npt.ArrayLike) -> Predictions:
    """Return the weighted mean of the members' predictions.

    Parameters
    ----------
    answers : sequence of Predictions, not empty
        The predictions of each member, for the same n rows.
    weights : array_like of shape (members,)
        Not negative, not all 0; they need not sum to 1. The predictions of a member with weight 0 do not count, but its
        labels are among the labels of the result.

    Returns
    -------
    Predictions
        Regression: the mean of the values. Classification: the mean of the probabilities, and as value the label with
        the highest one; if a member has a threshold, the one whose mean probability reaches the mean of the members'
        thresholds, where 0.5 is that of a member without one. A label that a member does not know has probability 0 from this member. A member that gives no
        probabilities votes: the label that it predicts has 1. With one member the result is its own predictions, bit
        for bit.

    Raises
    ------
    ValueError
        The predictions are not of the same number of rows or of the same task, or the weights do not fit the members.
    """
    shares = normalised(weights)
    if len(shares) != len(answers):
        raise ValueError(f"there are {len(answers)} members and {len(shares)} weights")
    if len({len(one.values) for one in answers}) > 1:
        raise ValueError(f"members predicted different numbers of rows: {[len(one.values) for one in answers]}")
    if len({bool(one.classes) for one in answers}) > 1:
        raise ValueError("some members predict labels and others numbers: they are not of one task")
    if len(answers) == 1:
        return answers[0]
    heard = [(one, share) for one, share in zip(answers, shares, strict=True) if share > 0]
    if not answers[0].classes:
        return Predictions(np.sum([share * one.values.astype(np.float64) for one, share in heard], axis=0))
    classes = join_labels(*(one.classes for one in answers))
    mean = np.zeros((len(answers[0].values), len(classes)))
    for one, share in heard:
        columns = [classes.index(label) for label in one.classes]
        mean[:, columns] += share * _probabilities(one)
    threshold = _mean_threshold(heard, classes)
    if threshold is None:
        return Predictions(as_array(classes)[mean.argmax(axis=1)], classes, probabilities=mean)
    return Predictions(from_threshold(threshold, classes, mean), classes, probabilities=mean, threshold=threshold)


def _mean_threshold(heard: Sequence[tuple[Predictions, float]], classes: tuple[Label, ...]) -> Threshold | None:
    own = [one.threshold for one, _ in heard if one.threshold is not None]
    # Of another label or task, a threshold says nothing about the others' probabilities.
    if not own or len(classes) != 2 or len({threshold.label for threshold in own}) > 1:
        return None
    return Threshold(own[0].label, sum(share * (one.threshold.at if one.threshold else 0.5) for one, share in heard))


def _probabilities(answer: Predictions) -> npt.NDArray[np.float64]:
    if answer.probabilities is not None:
        return answer.probabilities
    votes = np.zeros((len(answer.values), len(answer.classes)))
    votes[np.arange(len(votes)), positions(answer.values, answer.classes)] = 1.0
    return votes
