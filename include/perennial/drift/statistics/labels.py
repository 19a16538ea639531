"""Count the distinct values of columns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from perennial.drift.statistics.floats import Floats

Counts = npt.NDArray[np.int64]

_LONGEST = 200
_KEPT = 180


@dataclass(frozen=True)
class Labels:
    """The distinct values of a column and how often each occurs, without missing ones.

    Attributes
    ----------
    values : numpy.ndarray of float64 or str, shape (k,)
        All different: numbers for a numeric column, ascending; text for any other.
    counts : numpy.ndarray of int64, shape (k,)
    """

    values: npt.NDArray[Any]
    counts: Counts

    @property
    def n(self) -> int:
        """Number of rows with a value."""
        return int(self.counts.sum())

    @property
    def numeric(self) -> bool:
        """Whether the values are numbers."""
        return self.values.dtype.kind == "f"

    def mean(self) -> float:
        """Mean of the values, if they are numbers."""
        return float((self.values * self.counts).sum() / self.n)

    def positions(self, others: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """Return the position of each of `others` in `values`; -1 if it is not there."""
        return np.asarray(pd.Index(self.values).get_indexer(pd.Index(others)), dtype=np.intp)


def count_numbers(ordered: Floats) -> Labels:
    """Count numbers in ascending order, without NaN."""
    firsts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if ordered.size else np.empty(0, np.intp)
    return Labels(ordered[firsts], np.diff(np.append(firsts, ordered.size)).astype(np.int64))


def count_labels(values: Any) -> tuple[Labels, int]:
    """Count the values of any column as text; return also how many are missing."""
    series = values if isinstance(values, pd.Series) else pd.Series(np.asarray(values))
    missing = int(series.isna().sum())
    if isinstance(series.dtype, pd.StringDtype):
        return _count_texts(series), missing
    found = series.value_counts(dropna=True, sort=False)
    counted: dict[str, int] = {}
    for value, count in zip(found.index, found.to_numpy(), strict=True):
        label = label_of(value)
        counted[label] = counted.get(label, 0) + int(count)
    ordered = sorted(counted)
    counts = np.array([counted[label] for label in ordered], dtype=np.int64)
    return Labels(np.array(ordered, dtype=np.str_), counts), missing


def _count_texts(series: pd.Series) -> Labels:
    """Count texts without a Python loop, since there may be hundreds of thousands."""
    texts = pc.utf8_rtrim(pa.array(series, pa.large_string(), from_pandas=True).drop_null(), characters="\0")
    long = pc.greater(pc.utf8_length(texts), _LONGEST)
    if pc.any(long).as_py():
        texts = pc.replace_with_mask(texts, long, pa.array(map(label_of, texts.filter(long).to_pylist()), texts.type))
    found = pc.value_counts(texts)
    texts, counts = found.field("values"), found.field("counts")
    # Sorted by UTF-8, which gives the same order as Python's str.
    order = pc.sort_indices(texts)
    values = np.array(texts.take(order).to_pylist(), dtype=np.str_)
    return Labels(values, counts.take(order).to_numpy().astype(np.int64))


def label_codes(values: Any) -> npt.NDArray[np.intp]:
    """Return the value of each row as a number, the same for equal values; -1 if missing."""
    codes, _ = pd.factorize(values if isinstance(values, pd.Series) else np.asarray(values))
    return np.asarray(codes, dtype=np.intp)


def label_of(value: Any) -> str:
    """Return a value as text.

    Whole numbers are the same as 1, 1.0 or True, since their type depends on missing values in other rows. A text of
    more than 200 characters becomes its beginning and a digest.
    """
    if isinstance(value, (Real, np.bool_)):
        number = float(value)
        return str(int(number)) if number.is_integer() else repr(number)
    # NumPy arrays of labels drop trailing NULs, and use the memory of the longest label for each.
    text = str(value).rstrip("\0")
    return (
        text
        if len(text) <= _LONGEST
        else f"{text[:_KEPT]}…{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:16]}"
    )
