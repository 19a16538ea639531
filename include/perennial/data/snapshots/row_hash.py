"""A 128-bit hash of each row, computed column by column in numpy.

Every 64-bit word of every value is mixed with a seed of its column and position, and the results are summed twice, with
and without weights. Equal rows have equal hashes in every batch; two different rows have the same hash with a
probability of about 1 in 2**126. This is not a cryptographic hash: someone who wants to can make rows that collide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from perennial.data.values.columns import NUMBER, TEXT

Words = npt.NDArray[np.uint64]

_SLICE_ROWS = 16_384  # so that the arrays stay in the processor's cache
_LONG_BYTES = 64
_WORD_BYTES = 8
_MISSING = np.uint64(2**64 - 1)
_LENGTH = -1
_ODD_1, _ODD_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True)
class RowHashes:
    """Hashes of n rows, each of shape (2, n): high and low half."""

    rows: Words
    keys: Words
    """Hashes of the key columns alone; equal to the row's hash where a key column is missing, or without a key."""


def hash_rows(batch: pa.RecordBatch, key: Collection[str] = ()) -> RowHashes:
    """Hash the rows of a batch whose columns are in a snapshot's types."""
    rows = np.zeros((2, batch.num_rows), dtype=np.uint64)
    keys = np.zeros((2, batch.num_rows), dtype=np.uint64)
    for start in range(0, batch.num_rows, _SLICE_ROWS):
        part = batch.slice(start, _SLICE_ROWS)
        here = slice(start, start + part.num_rows)
        for name, column in zip(part.schema.names, part.columns, strict=True):
            sums = [rows[:, here], keys[:, here]] if name in key else [rows[:, here]]
            _add_column(name, column, sums)
    keyless = _keyless(batch, key)
    keys[:, keyless] = rows[:, keyless]
    return RowHashes(rows, keys)


def _keyless(batch: pa.RecordBatch, key: Collection[str]) -> npt.NDArray[np.bool_] | slice:
    if not key:
        return slice(None)
    missing = np.zeros(batch.num_rows, dtype=bool)
    for name in key:
        if batch.column(name).null_count:
            missing |= _missing(batch.column(name))
    return missing


def _add_column(name: str, column: pa.Array, sums: Sequence[Words]) -> None:
    for place, words in _text_words(column) if column.type == TEXT else _number_words(column):
        seed = _seed(name, place)
        mixed = _mix(words ^ seed.word)
        # A word of zeros adds nothing, so the padded length of texts does not matter.
        mixed -= seed.zero
        for high, _ in sums:
            high += mixed
        # Two sums of the same words with other weights: differences that cancel out in one do not in the other.
        mixed *= seed.weight
        for _, low in sums:
            low += mixed
    if column.type == TEXT:
        _add_long_texts(name, column, sums)


def _number_words(column: pa.Array) -> Iterator[tuple[int, Words]]:
    if column.null_count:
        yield _LENGTH, np.where(_missing(column), _MISSING, np.uint64(0))
        column = column.fill_null(0)
    if column.type == NUMBER:
        # Adding 0.0 turns -0.0 into 0.0, which is equal to it.
        yield 0, (column.to_numpy() + 0.0).view(np.uint64)
    else:
        yield 0, column.view(pa.int64()).to_numpy().view(np.uint64)


def _text_words(column: pa.Array) -> Iterator[tuple[int, Words]]:
    lengths = _lengths(column)
    words = lengths.astype(np.uint64)
    if column.null_count:
        words[_missing(column)] = _MISSING
        column = column.fill_null("")
    yield _LENGTH, words
    if lengths.max(initial=0) > _LONG_BYTES:
        is_short = pa.array(lengths <= _LONG_BYTES)
        lengths = np.where(lengths <= _LONG_BYTES, lengths, 0)
        column = pc.if_else(is_short, column, "")
    count = -(-int(lengths.max(initial=0)) // _WORD_BYTES)
    if count:
        padded = pc.ascii_rpad(column, count * _WORD_BYTES, padding="\0")
        table = np.frombuffer(padded.buffers()[2], dtype="<u8", count=len(padded) * count)
        yield from enumerate(table.reshape(-1, count).T)


def _add_long_texts(name: str, column: pa.Array, sums: Sequence[Words]) -> None:
    for row in np.flatnonzero(_lengths(column) > _LONG_BYTES):
        digest = hashlib.blake2b(column[int(row)].as_buffer(), digest_size=16, key=name.encode()[:64]).digest()
        for both in sums:
            both[:, row] += np.frombuffer(digest, dtype="<u8")


def _lengths(column: pa.Array) -> npt.NDArray[np.int32]:
    """Return the texts' lengths in bytes, 0 for missing ones."""
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32, offset=column.offset * 4, count=len(column) + 1)
    lengths = np.diff(offsets)
    if column.null_count:
        lengths[_missing(column)] = 0
    return lengths


def _missing(column: pa.Array) -> npt.NDArray[np.bool_]:
    missing: npt.NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    return missing


@dataclass(frozen=True)
class _Seed:
    word: np.uint64
    zero: np.uint64
    """The mixed value of a word of zeros."""
    weight: np.uint64
    """Odd, so that multiplying by it loses no information."""


@lru_cache(maxsize=4096)
def _seed(column: str, place: int) -> _Seed:
    digest = hashlib.blake2b(f"{place} {column}".encode(), digest_size=16).digest()
    word, weight = np.frombuffer(digest, dtype="<u8")
    return _Seed(word, _mix(np.array([word]))[0], weight | np.uint64(1))


def _mix(words: Words) -> Words:
    """Mix each word in place: the finaliser of splitmix64, in which every input bit changes every output bit."""
    shifted = words >> np.uint64(30)
    words ^= shifted
    words *= _ODD_1
    np.right_shift(words, np.uint64(27), out=shifted)
    words ^= shifted
    words *= _ODD_2
    np.right_shift(words, np.uint64(31), out=shifted)
    words ^= shifted
    return words
