"""The chart of a test's columns: compares the distance of each batch from the one before with the usual distances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.drift.charts.beside import Beside
from perennial.drift.charts.chart_state import ChartState, ColumnHistory, Ordinary
from perennial.drift.charts.pieces import (
    ChartColumn,
    as_profile,
    label_column,
    label_profile,
    number_column,
    number_profile,
)
from perennial.drift.charts.profile import Grid, Profile, shares_of, smirnov
from perennial.drift.statistics.floats import Columns, Floats, as_floats
from perennial.errors import DataError

_DEVIATIONS = 6
_LEAST = 0.1
_FEWEST_PIECES = 8
# The longest block is a quarter of the reference: with fewer distances little is known of what is usual.
_FEWEST_BLOCKS = 4
_REMEMBERED = 50
_FEWEST_VALUES = 30
# Of more rows a random sample is judged: the D of so many rows has a standard error of less than 0.01.
_MOST_ROWS = 20_000


class ControlChart:
    """Judges columns by how much they usually change.

    A batch is compared with the newest usual batch before it; the first one with the reference's newest rows. The limit
    is the median of such distances plus six times their median absolute deviation (Shewhart's chart with robust
    estimates). The larger of two deviations is used, this column's and the median of all columns'. The limit is at
    least 0.1, and at least the distance that chance alone can cause with so many rows. The distances of the reference
    are those of all pairs of neighbouring blocks of about a batch's size.

    Of numeric columns, the part that the other columns do not predict is charted, see `Beside`. Nothing is learnt from
    a batch with an unusual column, so a column that has broken stays unusual until it is corrected, or until a new
    champion has learnt from it.

    Parameters
    ----------
    columns : iterable of ChartColumn
    beside : Beside or None
        Predictions of the columns from each other; None: the columns are labels.
    """

    def __init__(self, columns: Iterable[ChartColumn], beside: Beside | None) -> None:
        self.columns = {column.name: column for column in columns}
        self.beside = beside

    @classmethod
    def of_numbers(cls, rows: Columns, names: Iterable[str]) -> ControlChart:
        """Make a chart from numeric columns of rows in the order of time."""
        given = {name: as_floats(rows[name], name) for name in names}
        beside, left = Beside.fit(given)
        return cls([number_column(name, values) for name, values in left.items()], beside)

    @classmethod
    def of_labels(cls, rows: Columns, names: Iterable[str]) -> ControlChart:
        """Make a chart from categorical columns of rows in the order of time."""
        return cls([label_column(name, rows[name]) for name in names], None)

    def judge(self, batch: Columns, state: ChartState, *, level: float) -> tuple[dict[str, Ordinary], ChartState]:
        """Judge a batch, and learn from it if it is usual.

        Parameters
        ----------
        batch : pandas.DataFrame or mapping of str to array_like
            The batch's columns.
        state : ChartState
            The state after the batch before.
        level : float
            Probability of any unusual column if stretches differ only by chance.

        Returns
        -------
        dict of str to Ordinary
            Column -> result. Without columns that the batch lacks; empty if the reference is too short. Numbers are
            judged only if the batch has all of them.
        ChartState
            The state after the batch.
        """
        rows = pd.DataFrame(batch)
        profiles = self._profiles(rows.sample(_MOST_ROWS, random_state=0) if len(rows) > _MOST_ROWS else rows)
        level = level / max(1, len(profiles))
        earlier = {name: _Earlier.of(self.columns[name], len(rows), state) for name in profiles}
        known = {name: found for name, found in earlier.items() if found is not None}
        middle = float(np.median([found.deviation for found in known.values()])) if known else 0.0
        judged = {
            name: found.judge(self.columns[name].grid, profiles[name], middle, level) for name, found in known.items()
        }
        if any(found.exceeded or found.missing_exceeded for found in judged.values()):
            return judged, state
        histories = {name: found.after(profiles[name], judged[name]) for name, found in known.items()}
        return judged, state.model_copy(update={"columns": {**state.columns, **histories}})

    def _profiles(self, batch: pd.DataFrame) -> dict[str, Profile]:
        if self.beside is None:
            there = [name for name in self.columns if name in batch]
            return {name: label_profile(self.columns[name].grid, batch[name]) for name in there}
        try:
            given = {name: as_floats(batch[name], name) for name in self.columns}
        except (KeyError, DataError):
            return {}
        return {name: number_profile(self.columns[name].grid, values) for name, values in self.beside.of(given).items()}


@dataclass(frozen=True)
class _Earlier:
    """What a batch is compared with: the stretch before it, and the distances between such stretches."""

    last: Profile
    distances: Floats
    missing_distances: Floats
    block_rows: float
    history: ColumnHistory | None

    @classmethod
    def of(cls, column: ChartColumn, batch_rows: int, state: ChartState) -> _Earlier | None:
        """Return None if the reference is too short to know what is usual."""
        pieces = column.rows.size
        if pieces < _FEWEST_PIECES:
            return None
        per_block = int(np.clip(round(batch_rows / column.rows.mean()), 1, pieces // _FEWEST_BLOCKS))
        counts, rows, missing = (_summed(parts, per_block) for parts in (column.counts, column.rows, column.missing))
        shares = counts / np.maximum(1, rows - missing)[:, None]
        apart = column.grid.distances(shares[per_block:], shares[:-per_block])
        # Blocks with almost no values are not used for the distances of values.
        full = (rows - missing) >= _FEWEST_VALUES
        apart = apart[full[per_block:] & full[:-per_block]]
        missing_apart = np.abs((missing / rows)[per_block:] - (missing / rows)[:-per_block])
        history = state.columns.get(column.name)
        if history is None:
            last = as_profile(int(rows[-1]), int(missing[-1]), counts[-1])
            return cls(last, apart, missing_apart, float(rows.mean()), None)
        return cls(
            history.last,
            np.concatenate([apart, history.distances]),
            np.concatenate([missing_apart, history.missing_distances]),
            float(rows.mean()),
            history,
        )

    @property
    def deviation(self) -> float:
        """Median absolute deviation of the distances."""
        return _deviation(self.distances)

    def judge(self, grid: Grid, batch: Profile, middle: float, level: float) -> Ordinary:
        rows = (float(max(1, batch.present)), float(max(1, self.last.present)))
        enough = min(batch.present, self.last.present) >= _FEWEST_VALUES
        distance = float(grid.distances(shares_of(batch), shares_of(self.last))) if enough else None
        chance = grid.chance(shares_of(self.last), rows, level)
        of_all = (float(max(1, batch.rows)), float(max(1, self.last.rows)))
        fewer = _more_noise(rows, self.block_rows)
        return Ordinary(
            distance=distance,
            limit=max(_limit(self.distances, max(middle, self.deviation)) + fewer, chance),
            missing_distance=abs(batch.missing_share - self.last.missing_share),
            missing_limit=max(
                _limit(self.missing_distances, _deviation(self.missing_distances)), smirnov(of_all, level)
            ),
            learnt_from=self.distances.size,
        )

    def after(self, batch: Profile, judged: Ordinary) -> ColumnHistory:
        before = self.history or ColumnHistory(last=self.last)
        if judged.distance is None:
            return before
        return ColumnHistory(
            last=batch,
            distances=(*before.distances, judged.distance)[-_REMEMBERED:],
            missing_distances=(*before.missing_distances, judged.missing_distance)[-_REMEMBERED:],
        )


def _limit(distances: Floats, deviation: float) -> float:
    return max(_LEAST, (float(np.median(distances)) if distances.size else 0.0) + _DEVIATIONS * deviation)


def _deviation(distances: Floats) -> float:
    return float(np.median(np.abs(distances - np.median(distances)))) if distances.size else 0.0


def _more_noise(rows: tuple[float, float], block_rows: float) -> float:
    """Return how much larger the distance of stretches of so many rows is by chance than that of blocks.

    The mean of D is 0.87 times its scale.
    """
    return 0.87 * max(0.0, float(np.sqrt(1 / rows[0] + 1 / rows[1]) - np.sqrt(2 / block_rows)))


def _summed(parts: npt.NDArray[np.int64], per_block: int) -> npt.NDArray[np.int64]:
    """Return the sums of `per_block` neighbouring pieces, along the first axis."""
    sums = np.concatenate([np.zeros_like(parts[:1]), np.cumsum(parts, axis=0)])
    summed: npt.NDArray[np.int64] = sums[per_block:] - sums[:-per_block]
    return summed
