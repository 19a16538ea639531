"""Find duplicates, and the digest of the rows that stay, with memory that does not grow with the number of rows.

The hashes of all rows are written to one file, each batch sorted by the first byte of the hash. Then the rows of one
range of first bytes after the other are collected from all batches: rows that are equal or share a key are in the same
range, and one range fits in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from perennial.data.snapshots.row_hash import RowHashes
from perennial.store.disk import disk_errors

_RANGES = 256
_WORD_BYTES = 8
_SIGN = np.uint64(1 << 63)
# Columns of the tables of words, counted from the end. Before them come key hash (2) and time, if rows have a key.
_ROW, _HASH = -1, slice(-3, -1)
_PLAIN_WORDS, _KEYED_WORDS = 3, 6

Table = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Resolution:
    """Which rows stay."""

    rows_read: int
    rows: int
    """Number of rows that stay."""
    exact_duplicates: int
    key_duplicates: int
    digest: str
    """Hexadecimal SHA-256 of the header and the hashes of the rows that stay, ordered by key hash, then row hash."""
    dropped_bits: npt.NDArray[np.uint8]
    """One bit per row, set for rows that do not stay."""

    def dropped(self, first_row: int, rows: int) -> npt.NDArray[np.bool_]:
        """Return a mask of shape (rows,) that is true where the row is dropped."""
        first_byte = first_row // 8
        bits = np.unpackbits(self.dropped_bits[first_byte : (first_row + rows) // 8 + 1], bitorder="little")
        start = first_row - first_byte * 8
        return bits[start : start + rows].astype(bool)


class HashSpill:
    """The hashes of rows, on disk.

    Parameters
    ----------
    path : Path
        File to write.
    keyed : bool
        Whether rows have a key; then only the newest row of each key stays.
    """

    def __init__(self, path: Path, *, keyed: bool) -> None:
        self._path = path
        self._words = _KEYED_WORDS if keyed else _PLAIN_WORDS
        self._starts: list[npt.NDArray[np.int64]] = []
        self._rows = 0

    def add(self, hashes: RowHashes, times: npt.NDArray[np.int64]) -> None:
        """Append rows.

        Parameters
        ----------
        hashes : RowHashes
            Hashes of n rows.
        times : array of int64, shape (n,)
            Event times in microseconds since 1970, UTC.
        """
        table = np.empty((len(times), self._words), dtype="<u8")
        table[:, _HASH] = hashes.rows.T
        table[:, _ROW] = np.arange(self._rows, self._rows + len(times))
        if self._words == _KEYED_WORDS:
            table[:, :2] = hashes.keys.T
            # With the sign bit flipped, unsigned words sort as the signed times do.
            table[:, 2] = times.view(np.uint64) ^ _SIGN
        first_bytes = (table[:, 0] >> np.uint64(56)).astype(np.uint8)
        ordered = table.take(np.argsort(first_bytes, kind="stable"), axis=0)
        counts = np.bincount(first_bytes, minlength=_RANGES)
        self._starts.append(self._rows + np.concatenate(([0], np.cumsum(counts))))
        self._rows += len(times)
        with disk_errors(self._path), self._path.open("ab") as file:
            file.write(ordered.data)

    def resolve(self, header: bytes) -> Resolution:
        """Return which rows stay.

        Of equal rows one stays. Of rows with the same key the newest by event time stays; of several such rows the one
        with the greatest hash, so that the order in which they were read does not matter.
        """
        digest = hashlib.sha256(header)
        bits = np.zeros(self._rows // 8 + 1, dtype=np.uint8)
        dropped = exact = 0
        for table in self._ranges():
            equal = _equal_to_next(table[:, _HASH])
            superseded = _equal_to_next(table[:, :2])
            gone = table[superseded, _ROW]
            np.bitwise_or.at(bits, gone >> 3, np.left_shift(1, gone & 7).astype(np.uint8))
            digest.update(table[~superseded, _HASH].tobytes())
            dropped += len(gone)
            exact += int(equal.sum())
        return Resolution(
            rows_read=self._rows,
            rows=self._rows - dropped,
            exact_duplicates=exact,
            key_duplicates=dropped - exact,
            digest=digest.hexdigest(),
            dropped_bits=bits,
        )

    def _ranges(self) -> Iterator[Table]:
        """Yield sorted tables of the rows, one for each range of the first byte of the first word."""
        if not self._rows:
            return
        row_bytes = self._words * _WORD_BYTES
        with self._path.open("rb") as file:
            for index in range(_RANGES):
                pieces = []
                for starts in self._starts:
                    file.seek(int(starts[index]) * row_bytes)
                    pieces.append(file.read(int(starts[index + 1] - starts[index]) * row_bytes))
                yield _sorted(np.frombuffer(b"".join(pieces), dtype="<u8").reshape(-1, self._words))


def _sorted(table: Table) -> Table:
    """Sort by the words. Equal rows are sorted from the last to the first, so that the one that stays comes last."""
    table = table.take(np.argsort(table[:, 0]), axis=0)
    same = _equal_to_next(table[:, :1])
    # Few rows share their first word: only these are sorted by the other words.
    tied = np.flatnonzero(same | np.concatenate(([False], same[:-1])))
    if len(tied):
        group = table[tied]
        order = np.lexsort((~group[:, _ROW], *group[:, -2::-1].T))
        table[tied] = group[order]
    return table


def _equal_to_next(table: Table) -> npt.NDArray[np.bool_]:
    equal = np.zeros(len(table), dtype=bool)
    equal[:-1] = table[:-1, 0] == table[1:, 0]
    alike = np.flatnonzero(equal)
    equal[alike] = (table[alike] == table[alike + 1]).all(axis=1)
    return equal
