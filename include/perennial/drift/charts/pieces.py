"""A reference column in pieces, in the order of time, each counted on the column's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.drift.charts.profile import Counts, Grid, Profile
from perennial.drift.statistics.floats import Floats
from perennial.drift.statistics.labels import count_labels, label_of

# Blocks are made of pieces, so that they can have about as many rows as a batch, whose size is not known yet.
_MOST_PIECES, _ROWS_PER_PIECE = 256, 30
_PLACES, _LABELS = 26, 50


@dataclass(frozen=True)
class ChartColumn:
    """One column of the reference in pieces, in the order of time.

    Attributes
    ----------
    name : str
    grid : Grid
        The grid on which the values are counted.
    counts : numpy.ndarray of int64, shape (pieces, cells)
        Counts of each piece.
    rows, missing : numpy.ndarray of int64, shape (pieces,)
        Rows of each piece, and those without a value.
    """

    name: str
    grid: Grid
    counts: Counts
    rows: Counts
    missing: Counts


def number_column(name: str, values: Floats) -> ChartColumn:
    """Count numbers, in the order of time, piece by piece."""
    ordered = np.sort(values[~np.isnan(values)])
    at = np.linspace(0, max(0, ordered.size - 1), _PLACES).astype(np.int64)
    grid = Grid(np.unique(ordered[at]) if ordered.size else ordered)
    starts = _starts(values.size)
    counts = [grid.count(piece) for piece in np.split(values, starts[1:])] if starts.size else []
    return ChartColumn(
        name,
        grid,
        counts=np.array(counts, dtype=np.int64).reshape(starts.size, grid.cells),
        rows=np.diff(starts, append=values.size),
        missing=np.add.reduceat(np.isnan(values).astype(np.int64), starts) if starts.size else starts,
    )


def label_column(name: str, values: npt.ArrayLike) -> ChartColumn:
    """Count labels, in the order of time, piece by piece; rare ones are counted together."""
    labels, _ = count_labels(values)
    most = np.sort(np.argsort(-labels.counts, kind="stable")[:_LABELS])
    grid = Grid(labels.values[most].astype(np.str_))
    cells = _cells(grid, values)
    starts = _starts(cells.size)
    counts = [_counts(grid, piece) for piece in np.split(cells, starts[1:])] if starts.size else []
    return ChartColumn(
        name,
        grid,
        counts=np.array(counts, dtype=np.int64).reshape(starts.size, grid.cells),
        rows=np.diff(starts, append=cells.size),
        missing=np.add.reduceat((cells < 0).astype(np.int64), starts) if starts.size else starts,
    )


def number_profile(grid: Grid, values: Floats) -> Profile:
    """Count the numbers of a batch."""
    return as_profile(values.size, int(np.isnan(values).sum()), grid.count(values))


def label_profile(grid: Grid, values: npt.ArrayLike) -> Profile:
    """Count the labels of a batch."""
    cells = _cells(grid, values)
    return as_profile(cells.size, int((cells < 0).sum()), _counts(grid, cells))


def as_profile(rows: int, missing: int, counts: Counts) -> Profile:
    """Return counts as a profile."""
    return Profile(rows=rows, missing=missing, counts=tuple(counts.tolist()))


def _starts(rows: int) -> Counts:
    """Return the first row of each piece."""
    pieces = min(_MOST_PIECES, rows // _ROWS_PER_PIECE)
    return np.linspace(0, rows, pieces, endpoint=False).astype(np.int64)


def _counts(grid: Grid, cells: Counts) -> Counts:
    return np.bincount(cells[cells >= 0], minlength=grid.cells).astype(np.int64)


def _cells(grid: Grid, values: npt.ArrayLike) -> Counts:
    """Return each row's cell: the last one for a label that is not on the grid; -1 for a missing value."""
    codes, found = pd.factorize(values if isinstance(values, pd.Series) else np.asarray(values))
    known = {str(label): cell for cell, label in enumerate(grid.places.tolist())}
    # One more cell, for the code -1 of missing values.
    of_code = [*(known.get(label_of(value), grid.places.size) for value in found), -1]
    return np.array(of_code, dtype=np.int64)[codes]
