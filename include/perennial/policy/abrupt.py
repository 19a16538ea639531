"""The most abrupt change of a period, and how soon each policy answered it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from perennial.policy.records import Change

_DEVIATIONS = 6
_FEWEST_FALLS = 8


def abrupt_change(scores: Sequence[float], ends: Sequence[datetime], *, greater_is_better: bool) -> Change | None:
    """Find the largest fall of a score from one batch to the next, if it is larger than usual.

    The limit of usual falls is their median plus six times their median absolute deviation, as in a control chart with
    robust estimates; a rise counts as a negative fall.

    Parameters
    ----------
    scores : sequence of float, one for each batch
        Scores of a model that is never trained again, so that it does not change itself. NaN: not defined.
    ends : sequence of datetime
        One more than batches; batch b, from 1 on, is between `ends[b - 1]` and `ends[b]`.
    greater_is_better : bool

    Returns
    -------
    Change or None
        The largest fall; None: it is usual, or there are fewer than eight falls to compare it with. The last batch is
        left out, since no policy trains after it.
    """
    falls = np.diff(np.asarray(scores, dtype=np.float64)) * (-1 if greater_is_better else 1)
    known = falls[np.isfinite(falls)]
    if known.size < _FEWEST_FALLS:
        return None
    middle = np.median(known)
    limit = float(middle + _DEVIATIONS * np.median(np.abs(known - middle)))
    answerable = np.where(np.isfinite(falls[:-1]), falls[:-1], -np.inf)
    place = int(np.argmax(answerable))
    fall = float(answerable[place])
    if not fall > max(limit, 0.0):
        return None
    return Change(batch=place + 2, start=ends[place + 1], fall=fall, limit=limit)


def days_to_answer(change: Change | None, promoted: Sequence[Sequence[int]], ends: Sequence[datetime]) -> float:
    """Return the days from the start of a changed batch to the first champion that was trained after it.

    Parameters
    ----------
    change : Change or None
    promoted : sequence of sequences of int
        For each phase, the numbers of the batches after which a new champion came, ascending.
    ends : sequence of datetime

    Returns
    -------
    float
        Mean over the phases. A phase without such a champion counts up to the end of the period, so the mean is then
        too small; NaN if no phase has one, or nothing changed abruptly.
    """
    if change is None:
        return math.nan
    first = [next((number for number in phase if number >= change.batch), None) for phase in promoted]
    if all(number is None for number in first):
        return math.nan
    waits = [ends[-1 if number is None else number] - change.start for number in first]
    return float(np.mean([wait.total_seconds() for wait in waits])) / 86_400
