"""Divides the training rows into folds. The holdout takes no part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, LeaveOneGroupOut, StratifiedGroupKFold, StratifiedKFold

from perennial.errors import DataError
from perennial.spec.cross_validation import CrossValidationSection

if TYPE_CHECKING:
    from perennial.spec import ModelSpec

Ints = NDArray[np.int64]

_DAY_US = 86_400_000_000
# No pipeline is fitted faster. Without this bound, a fold for each of millions of rows would fill the memory.
_FASTEST_FIT_S = 0.001


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows to test, and those that the model of the test is trained on.

    Attributes
    ----------
    number : int
        From 1.
    test : int array of shape (t,)
        Positions of the tested rows among the training rows, ascending.
    left_out : int array of shape (o,)
        Positions of the rows that are neither tested nor trained on, ascending.
    times : datetime64[us] array of shape (n,)
        Event times of all training rows, UTC, ascending.
    """

    number: int
    test: Ints
    left_out: Ints
    times: NDArray[np.datetime64]

    @property
    def train(self) -> Ints:
        """Positions of the rows that are trained on, ascending. Made anew each time, since leave-one-out has n folds."""
        trained = np.ones(len(self.times), dtype=bool)
        trained[self.test] = trained[self.left_out] = False
        return np.flatnonzero(trained)

    @property
    def train_bounds(self) -> tuple[datetime, datetime]:
        """Oldest and newest event time of the rows that are trained on, UTC."""
        return self._bounds(self.train)

    @property
    def test_bounds(self) -> tuple[datetime, datetime]:
        """Oldest and newest event time of the tested rows, UTC."""
        return self._bounds(self.test)

    def _bounds(self, rows: Ints) -> tuple[datetime, datetime]:
        first, last = (pd.Timestamp(self.times[row], tz="UTC").to_pydatetime() for row in (rows[0], rows[-1]))
        return first, last


def plan_folds(train: pd.DataFrame, spec: ModelSpec) -> tuple[Fold, ...]:
    """Divide the training rows into folds, as `cross_validation` says; without that section, by its defaults.

    Kind `time` divides the calendar, not the rows, into test folds of equal length, the last of which ends with the newest
    row. A fold is trained on rows whose label was known when its test fold began: older by at least
    `target.label_delay_days` (the purge). Rows in the `embargo_days` after a test fold are in no fold. Purge and embargo
    are those of Lopez de Prado, Advances in Financial Machine Learning (2018), chapter 7.

    Parameters
    ----------
    train : pandas.DataFrame
        The labelled rows that are not held out, ordered by event time, as `apply_split` returns them.
    spec : ModelSpec

    Returns
    -------
    tuple of Fold
        In the order of time, for kind `time`.

    Raises
    ------
    DataError
        More folds than the calendar, the rows or the groups allow; a fold without rows; a class that is tested but not
        trained on; leave-one-out of so many rows that it surely exceeds its time limit.
    """
    section = spec.folds
    times = train[spec.source.event_time].dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
    if section.kind == "time":
        folds = tuple(_by_time(times, section, spec.target.label_delay_days))
    elif section.kind == "leave_one_out":
        folds = tuple(_one_by_one(times, section))
    else:
        folds = tuple(_at_random(times, train, section, spec))
    _check(folds, train, spec)
    return folds


def _by_time(times: NDArray[np.datetime64], section: CrossValidationSection, label_delay_days: float) -> Iterator[Fold]:
    at = times.astype(np.int64)
    number, embargo, delay = section.number_of_folds, _us(section.embargo_days or 0), _us(label_delay_days)
    room = int(at[-1] - at[0]) - delay - _us(section.days_around_tests)
    # Without `train_days`, the first fold trains on as long a time as it tests.
    length = room // number if section.train_days else room // (number + 1)
    if length < 1:
        raise DataError(
            f"cross_validation: the training rows have {(at[-1] - at[0]) / _DAY_US:.3g} days, and label delay, embargo and "
            f"train_days take {label_delay_days + section.days_around_tests:.3g}, so nothing is left for {number} folds to "
            "test: take fewer folds, or widen source.window"
        )
    ends = [int(at[-1]) - later * (length + embargo) for later in reversed(range(number))]
    embargoed = np.any([(at > end) & (at <= end + embargo) for end in ends[:-1]], axis=0)
    for place, end in enumerate(ends):
        start = end - length
        tested = (at > start) & (at <= end) & ~embargoed
        trained = (at <= start - delay) & ~embargoed
        if section.train_days:
            trained &= at > start - delay - _us(section.train_days)
        yield Fold(place + 1, np.flatnonzero(tested), np.flatnonzero(~(tested | trained)), times)


def _us(days: float) -> int:
    return round(days * _DAY_US)


def _one_by_one(times: NDArray[np.datetime64], section: CrossValidationSection) -> Iterator[Fold]:
    limit = section.time_limit_minutes
    if limit is not None and len(times) * _FASTEST_FIT_S > 60 * limit:
        raise DataError(
            f"cross_validation: leave-one-out of {len(times):,} training rows fits as many models, which takes longer than "
            f"time_limit_minutes ({limit:g}) even at a millisecond each: take kind kfold or time"
        )
    positions, nothing = np.arange(len(times)), np.empty(0, dtype=np.int64)
    for place in positions:
        yield Fold(int(place) + 1, positions[place : place + 1], nothing, times)


def _at_random(
    times: NDArray[np.datetime64], train: pd.DataFrame, section: CrossValidationSection, spec: ModelSpec
) -> Iterator[Fold]:
    """Yield folds by scikit-learn's splitters. Rows are shuffled: consecutive ones are alike, as time goes on."""
    number, kind = section.number_of_folds, section.kind
    labels = train[spec.target.column].to_numpy()
    groups = None if section.group is None else _groups(train[section.group])
    if kind in ("stratified", "stratified_group"):
        _check_stratified(labels, number)
    units, what = (len(train), "rows") if groups is None else (len(np.unique(groups)), f"groups in {section.group!r}")
    needed = 2 if kind == "leave_one_group_out" else number
    if units < needed:
        raise DataError(
            f"cross_validation: the training rows have {units} {what}, fewer than the {needed} folds of kind {kind}: take "
            "fewer folds, another kind, or widen source.window"
        )
    splitter = (
        LeaveOneGroupOut()
        if kind == "leave_one_group_out"
        else _SPLITTERS[kind](number, shuffle=True, random_state=spec.model.seed)
    )
    nothing = np.empty(0, dtype=np.int64)
    for place, (_, tested) in enumerate(splitter.split(train, labels, groups)):
        yield Fold(place + 1, np.sort(tested), nothing, times)


_SPLITTERS = {
    "kfold": KFold,
    "stratified": StratifiedKFold,
    "group": GroupKFold,
    "stratified_group": StratifiedGroupKFold,
}


def _groups(column: pd.Series[Any]) -> Ints:
    """Return a number for each row's group; each row without a group has one of its own."""
    codes = pd.factorize(column)[0].astype(np.int64)
    alone = np.flatnonzero(codes < 0)
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(len(alone))
    return codes


def _check_stratified(labels: NDArray[Any], folds: int) -> None:
    count = pd.Series(labels).value_counts()
    if count.iloc[-1] < folds:
        raise DataError(
            f"cross_validation: label {count.index[-1]!s} has {count.iloc[-1]} training rows, so it cannot be in each of "
            f"{folds} folds: take fewer folds, or widen source.window"
        )


def _check(folds: tuple[Fold, ...], train: pd.DataFrame, spec: ModelSpec) -> None:
    """Raise DataError if a fold has no rows to test or to train on, or trains on none of a class that it tests."""
    advice = "take fewer folds, or widen source.window"
    classify = spec.task == "classification"
    codes, classes = pd.factorize(train[spec.target.column]) if classify else (np.zeros(len(train), np.int64), ["all"])
    rows = np.bincount(codes, minlength=len(classes))
    for fold in folds:
        where = f"cross_validation: fold {fold.number} of {len(folds)}"
        tested = np.bincount(codes[fold.test], minlength=len(classes))
        trained = rows - tested - np.bincount(codes[fold.left_out], minlength=len(classes))
        if not tested.any() or not trained.any():
            raise DataError(f"{where} has no rows to {'train on' if tested.any() else 'test'}: {advice}")
        for label, count in zip(classes, tested * (trained == 0), strict=True):
            if count:
                raise DataError(f"{where} tests {count} rows with label {label!s} and trains on none: {advice}")
