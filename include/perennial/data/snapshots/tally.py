"""What is counted of a snapshot's rows while they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from perennial.data.values.columns import LARGEST_NUMBER, NUMBER
from perennial.errors import DataError
from perennial.printable import PrintableLog
from perennial.spec import ModelSpec

log = PrintableLog(__name__)


class Tally:
    """Time range, missing and infinite values of the rows that pass through `count`."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._rows = 0
        self._missing: Counter[str] = Counter()
        self._infinite: Counter[str] = Counter()
        self._largest_target = 0.0
        self._times: list[datetime] = []

    def count(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the batches, and count their rows."""
        for batch in batches:
            self._rows += batch.num_rows
            ends = pc.min_max(batch.column(self._spec.source.event_time)).as_py()
            known = [moment for moment in (*self._times, ends["min"], ends["max"]) if moment]
            self._times = [min(known), max(known)] if known else []
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                self._missing[name] += column.null_count
                if column.type == NUMBER:
                    self._infinite[name] += pc.sum(pc.is_inf(column)).as_py() or 0
                    if name == self._spec.target.column:
                        self._largest_target = max(self._largest_target, pc.max(pc.abs(column)).as_py() or 0.0)
            yield batch

    @property
    def start(self) -> datetime:
        """Oldest event time."""
        return self._times[0]

    @property
    def end(self) -> datetime:
        """Newest event time."""
        return self._times[1]

    def check_target(self) -> None:
        """Raise DataError if no model can be trained on the target: it is missing, infinite or too large."""
        target = self._spec.target.column
        if self._missing[target] == self._rows:
            raise DataError(
                f"the target {target!r} is missing in all {self._rows} rows of the window: are the labels delivered "
                "later (then end the window earlier, with as_of), or is it the wrong column?"
            )
        if self._infinite[target]:
            raise DataError(
                f"the target {target!r} is infinite in {self._infinite[target]} of {self._rows} rows: no model can "
                "learn that; leave it empty where it is not known"
            )
        if self._largest_target > LARGEST_NUMBER:
            raise DataError(
                f"the target {target!r} is as large as {self._largest_target:g}, and beyond {LARGEST_NUMBER:.2g} no "
                "model can compute with it; leave it empty where it is not known, or give it in another unit"
            )

    def report(self) -> None:
        """Log the missing and infinite values, which are allowed."""
        for word, counts in (("missing", self._missing), ("infinite", self._infinite)):
            found = [f"{column} {rows}" for column, rows in counts.items() if rows]
            if found:
                log.info("%s values, which are kept, by column: %s", word, ", ".join(found))
