"""Tests of a batch's columns against a reference that was prepared once."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from perennial.drift.charts.chart_state import Ordinary
from perennial.drift.columns.judge import judge
from perennial.drift.columns.prepared_column import PreparedColumn
from perennial.drift.columns.reference_file import read_columns, write_columns
from perennial.drift.columns.report import DriftReport
from perennial.drift.statistics.design_effect import Codes, entity_codes
from perennial.drift.statistics.ecdf import Ecdf
from perennial.drift.statistics.floats import Columns, Floats
from perennial.drift.statistics.labels import Labels
from perennial.errors import DataError


class ColumnTest(ABC):
    """Base class of the tests of columns: comparing with a batch, saving and loading."""

    _by_label: ClassVar[bool]

    def __init__(self, columns: Iterable[PreparedColumn], entity: str | None) -> None:
        self._columns = {column.name: column for column in columns}
        self.entity = entity

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are compared."""
        return tuple(self._columns)

    def compare(
        self,
        batch: Columns,
        *,
        level: float = 0.05,
        effect_floor: float = 0.1,
        ordinary: Mapping[str, Ordinary] | None = None,
        min_rows: int = 30,
    ) -> DriftReport:
        """Compare a batch with the reference, column by column.

        Parameters
        ----------
        batch : pandas.DataFrame or mapping of str to array_like
            Columns that the reference does not have are ignored; one that the batch lacks is reported as not tested.
        level : float
            Probability that any column of a batch from the reference's own distribution is called drifted.
        effect_floor : float
            Smallest distance (D, or a share of rows) that counts as drift, however significant; default 0.1.
        ordinary : mapping of str to Ordinary, optional
            What a `ControlChart` says of the batch; decides in the place of level and floor.
        min_rows : int
            Minimum number of values of a column, in the reference and in the batch, for a test.

        Raises
        ------
        DataError
            The batch has no entity column, or columns of different lengths.
        """
        entities = _entities(batch, self.entity)
        found = [
            column.compare(batch.get(name), entities, min_rows=min_rows, by_label=self._by_label)
            for name, column in self._columns.items()
        ]
        return judge(found, level=level, effect_floor=effect_floor, ordinary=ordinary)

    def ecdf(self, column: str) -> tuple[Floats, Floats]:
        """Return values and the reference's share at or below each, for a plot; at most 5,000 points, ascending."""
        body = self._columns[column].body
        if isinstance(body, Ecdf):
            return body.edges, body.upto / body.n
        if isinstance(body, Labels) and body.numeric:
            return body.values, np.cumsum(body.counts) / body.n
        raise DataError(f"column '{column}' of the reference has no numbers")

    def shares(self, column: str) -> dict[str | float, float]:
        """Return the reference's share of each value, for a plot of a column that is compared value by value."""
        body = self._columns[column].body
        if not isinstance(body, Labels):
            raise DataError(f"column '{column}' of the reference is not compared value by value")
        return dict(zip(body.values.tolist(), (body.counts / body.n).tolist(), strict=True))

    def save(self, path: Path) -> None:
        """Write the prepared reference: an .npz of plain arrays without pickle, at most 8 bytes per value."""
        write_columns(path, type(self).__name__, self.entity, self._columns.values())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Large columns stay on disk; comparisons read only the parts that they need.

        Raises
        ------
        DataError
            The file is not a prepared reference, or belongs to another test.
        """
        entity, columns = read_columns(path, cls.__name__)
        return cls(columns, entity)


def named_columns(
    reference: Columns, columns: Iterable[str] | None, entity: str | None, default: Iterable[str]
) -> list[str]:
    """Return the columns to prepare; raise DataError for one that the reference lacks."""
    names = [name for name in default if name != entity] if columns is None else list(columns)
    absent = [name for name in names if name not in reference]
    if absent:
        raise DataError(
            f"the reference has no column {', '.join(map(repr, absent))}; it has {', '.join(map(str, reference))}"
        )
    return names


def reference_entities(reference: Columns, entity: str | None) -> Codes | None:
    """Return the entity of each reference row as a number; None if no entity column is named."""
    return _entities(reference, entity, "reference")


def _entities(frame: Columns, entity: str | None, whose: str = "batch") -> Codes | None:
    if not isinstance(frame, pd.DataFrame):
        lengths: dict[str, Any] = {name: len(values) for name, values in frame.items()}  # type: ignore[arg-type]
        if len(set(lengths.values())) > 1:
            raise DataError(f"the columns of the {whose} have different lengths: {lengths}")
    if entity is None:
        return None
    if entity not in frame:
        raise DataError(f"the {whose} has no column '{entity}', which names the entity of each row")
    return entity_codes(frame[entity])
