"""Cuts rows into slices: by the categories of a column, by quantiles of its numbers, or by the values of two columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.record import Record

MISSING = "missing"
_OTHER = "another number"


class Edges(Record):
    """Where the numbers of a column are cut."""

    at: tuple[float, ...]
    """Ascending: the ends of the ranges, or the numbers themselves if there are few."""
    ranges: bool


@dataclass(frozen=True)
class Slice:
    """Some of the rows.

    Attributes
    ----------
    name : str
        Columns and values, such as `carrier=AA, origin=JFK`.
    rows : numpy.ndarray of bool, shape (n,)
        Which of the n rows are in it.
    """

    name: str
    rows: npt.NDArray[np.bool_]


def edges_of(rows: pd.DataFrame, columns: Sequence[str], quantiles: int) -> dict[str, Edges]:
    """Return for each column of numbers where it is cut, so that other rows can be cut at the same places."""
    return {column: _edges(rows[column], quantiles) for column in columns if _has_numbers(rows[column])}


def cut(
    rows: pd.DataFrame, by: Sequence[tuple[str, ...]], quantiles: int, edges: Mapping[str, Edges] | None = None
) -> tuple[list[Slice], list[str]]:
    """Cut rows by each of some columns, or pairs of columns.

    Parameters
    ----------
    rows : DataFrame of shape (n, columns)
    by : sequence of tuples of str
        One or two columns each.
    quantiles : int
        Into how many parts a column of more different numbers is cut.
    edges : mapping of column to Edges, optional
        Those of other rows (see `edges_of`); numbers beyond the first or last are in the first or last range. Default: those
        of these rows.

    Returns
    -------
    list of Slice
        Of every size; slices of different columns overlap.
    list of str
        Columns and pairs that make no slices, and why.
    """
    named = list(dict.fromkeys(column for columns in by for column in columns))
    edges = edges_of(rows, named, quantiles) if edges is None else edges
    values = {column: _values(rows[column], edges.get(column)) for column in named}
    slices: list[Slice] = []
    useless: list[str] = []
    for columns in by:
        constant = [column for column in columns if values[column].nunique() < 2]
        if constant:
            only = values[constant[0]].iloc[0] if len(rows) else "none"
            useless.append(
                f"{constant[0]!r} makes one slice of all {len(rows):,} held-out rows, {only!r}: there is nothing to compare. "
                "Name another column, or hold out more rows"
            )
            continue
        slices += _slices([values[column] for column in columns], columns)
    return slices, list(dict.fromkeys(useless))


def _slices(values: list[pd.Series], columns: tuple[str, ...]) -> Iterator[Slice]:
    coded = [pd.factorize(one, sort=True) for one in values]
    for chosen in product(*(range(len(names)) for _, names in coded)):
        there = np.logical_and.reduce([codes == code for (codes, _), code in zip(coded, chosen, strict=True)])
        if there.any():
            of_each = zip(columns, coded, chosen, strict=True)
            yield Slice(", ".join(f"{column}={names[code]}" for column, (_, names), code in of_each), there)


def _has_numbers(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _numbers(column: pd.Series) -> npt.NDArray[np.float64]:
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))


def _edges(column: pd.Series, quantiles: int) -> Edges:
    numbers = _numbers(column)
    known = numbers[np.isfinite(numbers)]
    different = np.unique(known)
    if len(different) <= quantiles:
        return Edges(at=tuple(different.tolist()), ranges=False)
    ends = np.unique(np.quantile(known, np.linspace(0, 1, quantiles + 1), method="lower"))
    return Edges(at=tuple(ends.tolist()), ranges=True)


def _values(column: pd.Series, edges: Edges | None) -> pd.Series:
    """Return the part of each row as text: its category, or the range of its number."""
    if edges is None or not _has_numbers(column):
        return column.astype("string").fillna(MISSING).astype(object)
    numbers, at = _numbers(column), np.array(edges.at)
    if edges.ranges:
        names = [f"{low} to {high}" for low, high in pairwise(_written(at))]
        place = np.clip(np.searchsorted(at, numbers, side="right") - 1, 0, len(names) - 1)
    else:
        names = [*_written(at), _OTHER]
        place = np.searchsorted(at, numbers)
        known = np.append(at, np.nan)[place] == numbers
        place = np.where(known, place, len(at))
    named = np.array([*names, MISSING], dtype=object)[np.where(np.isfinite(numbers), place, len(names))]
    return pd.Series(named, index=column.index, dtype=object)


def _written(numbers: npt.NDArray[np.float64]) -> list[str]:
    """Write different numbers with four digits, or as many as are needed to tell them from each other."""
    for digits in range(4, 17):
        written = [f"{number:.{digits}g}" for number in numbers]
        if len(set(written)) == len(written):
            return written
    return [repr(float(number)) for number in numbers]
