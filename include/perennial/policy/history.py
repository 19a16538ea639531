"""All rows of a source, and what was known of them at any time in the past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from perennial.data.snapshots.row_hash import hash_rows
from perennial.data.sources.named_features import with_named_features
from perennial.data.sources.open_source import open_source
from perennial.data.sources.scan import scan_source
from perennial.data.values.columns import TIME, check_columns, column_kinds, column_types
from perennial.data.window import Bounds
from perennial.errors import DataError
from perennial.run import Run
from perennial.spec import ModelSpec

Moments = npt.NDArray[np.datetime64]

_KEY = "__key"


@dataclass(frozen=True)
class History:
    """A source's rows in the order of their event times, corrections included.

    Attributes
    ----------
    spec : ModelSpec
        With every feature by its name.
    table : pyarrow.Table, n rows
        With a snapshot's types, with `known_time` if the spec names one, and with the hash of the key.
    """

    spec: ModelSpec
    table: pa.Table

    @property
    def times(self) -> Moments:
        """Event times, UTC, ascending, shape (n,)."""
        return _moments(self.table, self.spec.source.event_time)

    @property
    def known(self) -> Moments:
        """When each row's values became known, UTC, shape (n,); not before the row's event time."""
        column = self.spec.source.known_time
        if column is None:
            return self.times
        stated = _moments(self.table, column)
        return np.where(np.isnat(stated), self.times, np.maximum(stated, self.times))

    def known_at(self, moment: datetime) -> pd.DataFrame:
        """Return the rows that a training at that moment would have had, without labels that had not matured.

        Only what was known at the moment is used. Of rows with the same key, the one with the newest event time is
        taken, then the one that became known last.
        """
        at = _as_moment(moment)
        frame = self._latest((self.times <= at) & (self.known <= at))
        target = self.spec.target.column
        unripe = frame[self.spec.source.event_time] > moment - self._delay
        if unripe.any():
            frame[target] = frame[target].mask(unripe)
        return frame

    def matured(self) -> pd.DataFrame:
        """Return the labelled rows whose labels have matured by the end, each once, as known when its label matured.

        A row that became known only later is taken as it was first known.
        """
        times, known = self.times, self.known
        delay = np.timedelta64(self._delay)
        ripe = times + delay <= times[-1]
        in_time = known <= times + delay
        if not in_time.all() and self._repeats:
            # For keys of which nothing was known in time, the first row that became known.
            keys = self.table.column(_KEY).to_numpy()
            served = np.isin(keys, keys[in_time])
            late = np.flatnonzero(~in_time & ~served)
            first = late[np.argsort(known[late], kind="stable")]
            in_time[first[np.unique(keys[first], return_index=True)[1]]] = True
        elif not in_time.all():
            in_time[:] = True
        frame = self._latest(ripe & in_time)
        frame = frame[frame[self.spec.target.column].notna()].reset_index(drop=True)
        if self.spec.task == "classification" and pd.api.types.is_float_dtype(frame[self.spec.target.column]):
            frame[self.spec.target.column] = frame[self.spec.target.column].astype("int64")
        return frame

    @property
    def _delay(self) -> timedelta:
        return timedelta(days=self.spec.target.label_delay_days)

    @property
    def _repeats(self) -> bool:
        keys = self.table.column(_KEY).to_numpy()
        return len(np.unique(keys)) < len(keys)

    def _latest(self, mask: npt.NDArray[np.bool_]) -> pd.DataFrame:
        """Return the rows of a mask, for each key only the last one."""
        if self._repeats:
            chosen = np.flatnonzero(mask)
            order = chosen[np.lexsort((self.known[chosen], self.times[chosen]))]
            keys = self.table.column(_KEY).to_numpy()[order]
            last = len(order) - 1 - np.unique(keys[::-1], return_index=True)[1]
            mask = np.zeros(len(mask), dtype=bool)
            mask[order[last]] = True
        frame: pd.DataFrame = (
            self.table.filter(pa.array(mask)).select(list(self.spec.columns)).to_pandas(split_blocks=True)
        )
        return frame


def read_history(run: Run) -> History:
    """Read all rows of the run's source up to `as_of`; equal rows count once.

    Raises
    ------
    DataError
        The source cannot be read as the spec says, lacks the column `source.known_time`, or has no rows.
    SourceUnavailable
        The source does not answer, or changed while it was read.
    SpecError
        The spec's patterns of features do not fit the source's columns.
    """
    spec = run.spec
    source = open_source(run)
    summary, _ = scan_source(run, source)
    check_columns(spec, summary.types, source.name)
    known = spec.source.known_time
    if known is not None and known not in summary.types:
        raise DataError(
            f"{source.name} lacks the column {known!r}, which source.known_time names. It has: "
            f"{', '.join(sorted(summary.types))}"
        )
    end = run.as_of or summary.end
    if summary.start is None or end is None or end < summary.start:
        raise DataError(
            f"{source.name} has no rows up to {run.as_of}: check the period, or that something was delivered"
        )
    bounds = Bounds(None, end)
    spec = with_named_features(spec, source.columns(bounds), source.name)
    types = column_types(column_kinds(spec), summary.value_types) | ({known: TIME} if known else {})
    batches = [batch for batch in source.read(spec, bounds, types) if batch.num_rows]
    table = pa.Table.from_batches(batches, schema=pa.schema(types))
    hashes = [hash_rows(batch, spec.source.key) for batch in batches]
    rows = np.concatenate([found.rows[0] for found in hashes])
    keys = np.concatenate([found.keys[0] for found in hashes]) if spec.source.key else rows
    times = _moments(table, spec.source.event_time)
    # Rows with the same time are ordered by their hash, as in a snapshot, since the order of files must not matter.
    order = np.lexsort((rows, times))
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (rows[order][1:] == rows[order][:-1]) & (times[order][1:] == times[order][:-1])
    kept = order[~again]
    return History(spec, table.append_column(_KEY, pa.array(keys)).take(pa.array(kept)))


def write_history(history: History, path: str) -> None:
    """Write the rows as Parquet."""
    pq.write_table(history.table, path, compression="lz4", write_statistics=False)


def load_history(spec: ModelSpec, path: str) -> History:
    """Read what `write_history` wrote."""
    return History(spec, pq.read_table(path))


def _moments(table: pa.Table, column: str) -> Moments:
    found: Moments = table.column(column).to_numpy().astype("datetime64[us]")
    return found


def _as_moment(moment: datetime) -> np.datetime64:
    return np.datetime64(pd.Timestamp(moment).tz_convert("UTC").tz_localize(None), "us")
