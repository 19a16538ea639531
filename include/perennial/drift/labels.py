"""Columns of few values: how often each occurs."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.drift.floats import Floats

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """The distinct values of a column and how often each occurs, missing ones not counted.

    Attributes
    ----------
    values : numpy.ndarray of float64 or str, shape (k,)
        All different: numbers of a numeric column, ascending; text of any other.
    counts : numpy.ndarray of int64, shape (k,)
    """

    values: npt.NDArray[Any]
    counts: Counts

    @property
    def n(self) -> int:
        """Rows with a value."""
        return int(self.counts.sum())

    @property
    def numeric(self) -> bool:
        """Whether the values are numbers."""
        return self.values.dtype.kind == "f"

    def mean(self) -> float:
        """Mean of numbers."""
        return float((self.values * self.counts).sum() / self.n)

    def positions(self, others: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """Return where each of `others` stands in `values`; -1 if it does not."""
        return np.asarray(pd.Index(self.values).get_indexer(pd.Index(others)), dtype=np.intp)


def count_numbers(ordered: Floats) -> Labels:
    """Count numbers in ascending order, without NaN."""
    firsts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if ordered.size else np.empty(0, np.intp)
    return Labels(ordered[firsts], np.diff(np.append(firsts, ordered.size)).astype(np.int64))


def count_labels(values: Any) -> tuple[Labels, int]:
    """Count the values of any column as text; return also how many are missing."""
    series = values if isinstance(values, pd.Series) else pd.Series(np.asarray(values))
    found = series.value_counts(dropna=True, sort=False)
    counted: dict[str, int] = {}
    for value, count in zip(found.index, found.to_numpy(), strict=True):
        label = label_of(value)
        counted[label] = counted.get(label, 0) + int(count)
    ordered = sorted(counted)
    counts = np.array([counted[label] for label in ordered], dtype=np.int64)
    return Labels(np.array(ordered, dtype=np.str_), counts), int(series.isna().sum())


def label_codes(values: Any) -> npt.NDArray[np.intp]:
    """Number the distinct values row by row; -1 where missing."""
    codes, _ = pd.factorize(values if isinstance(values, pd.Series) else np.asarray(values))
    return np.asarray(codes, dtype=np.intp)


def label_of(value: Any) -> str:
    """Write a value: whole numbers alike whether they came as 1, 1.0 or True, which missing values elsewhere decide."""
    if isinstance(value, (Real, np.bool_)):
        number = float(value)
        return str(int(number)) if number.is_integer() else repr(number)
    # NumPy's text has no NUL at its end: with and without are one, or there would be two of a label.
    return str(value).rstrip("\0")
