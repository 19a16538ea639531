"""Whether enough new rows have come since the last training."""

from __future__ import annotations

from perennial.record import Record


class VolumeTest(Record):
    """Rows since the last training, compared with the number that triggers another."""

    rows: int
    limit: int
    reached: bool
    sentence: str


def measure_volume(rows: int, *, limit: int) -> VolumeTest:
    """Compare the number of rows since the champion's training with a limit."""
    if limit < 1:
        raise ValueError(f"limit is a number of rows, at least 1; got {limit}")
    if rows < 0:
        raise ValueError(f"rows is a number of rows, at least 0; got {rows}")
    reached = rows >= limit
    sentence = f"{rows:,} rows since the last training, {'at least' if reached else 'fewer than'} {limit:,}"
    return VolumeTest(rows=rows, limit=limit, reached=reached, sentence=sentence)
