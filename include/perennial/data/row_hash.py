"""A 128-bit hash of each row, computed column by column in numpy.

Every word of every value is mixed with a seed that belongs to column, place and half, and the results are summed: equal
rows have equal hashes whichever batch they are in, and two different rows share one by a chance of 1 in 2**128. The
hash is no cryptographic one: it guards against accidents, not against someone who makes rows that collide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from perennial.data.columns import TEXT

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
    """Of the key columns alone; those of the row where a key column is missing, or where there is no key."""


def hash_rows(batch: pa.RecordBatch, key: Collection[str] = ()) -> RowHashes:
    """Hash the rows of a batch whose columns are in a snapshot's types."""
    rows = np.zeros((2, batch.num_rows), dtype=np.uint64)
    keys = np.zeros((2, batch.num_rows), dtype=np.uint64)
    for start in range(0, batch.num_rows, _SLICE_ROWS):
        part = batch.slice(start, _SLICE_ROWS)
        here = slice(start, start + part.num_rows)
        for name, column in zip(part.schema.names, part.columns, strict=True):
            mixed = _hash_column(name, column)
            rows[:, here] += mixed
            if name in key:
                keys[:, here] += mixed
    keyless = _keyless(batch, key)
    keys[:, keyless] = rows[:, keyless]
    return RowHashes(rows, keys)


def _keyless(batch: pa.RecordBatch, key: Collection[str]) -> npt.NDArray[np.bool_] | slice:
    if not key:
        return slice(None)
    missing = np.zeros(batch.num_rows, dtype=bool)
    for name in key:
        if batch.column(name).null_count:
            missing |= batch.column(name).is_null().to_numpy(zero_copy_only=False)
    return missing


def _hash_column(name: str, column: pa.Array) -> Words:
    hashes = np.zeros((2, len(column)), dtype=np.uint64)
    words = _text_words(column) if column.type == TEXT else _number_words(column)
    for place, values in words:
        for half in (0, 1):
            seed, zero = _seed(name, place, half)
            # A word of zeros adds nothing, so that it does not matter to which length texts were padded.
            hashes[half] += _mix(values ^ seed) - zero
    if column.type == TEXT:
        _add_long_texts(name, column, hashes)
    return hashes


def _number_words(column: pa.Array) -> Iterator[tuple[int, Words]]:
    if column.null_count:
        yield _LENGTH, np.where(column.is_null().to_numpy(zero_copy_only=False), _MISSING, np.uint64(0))
    if column.type == pa.float64():
        # Adding nothing makes -0.0 the 0.0 that it equals.
        values = column.fill_null(0).to_numpy() + 0.0
    else:
        values = column.cast(pa.int64()).fill_null(0).to_numpy()
    yield 0, values.view(np.uint64)


def _text_words(column: pa.Array) -> Iterator[tuple[int, Words]]:
    lengths = pc.binary_length(column)
    yield _LENGTH, lengths.cast(pa.uint64()).fill_null(int(_MISSING)).to_numpy()
    # A text that is missing is only its length; a long one is hashed apart.
    short = pc.if_else(pc.less_equal(lengths, _LONG_BYTES).fill_null(False), column, "")
    words = -(-(pc.max(pc.binary_length(short)).as_py() or 0) // _WORD_BYTES)
    if not words:
        return
    padded = pc.ascii_rpad(short, words * _WORD_BYTES, padding="\0")
    start = padded.offset * words * _WORD_BYTES
    size = len(padded) * words * _WORD_BYTES
    table = np.frombuffer(padded.buffers()[2], dtype="<u8", count=size // _WORD_BYTES, offset=start)
    for place, values in enumerate(table.reshape(len(padded), words).T):
        yield place, np.ascontiguousarray(values)


def _add_long_texts(name: str, column: pa.Array, hashes: Words) -> None:
    lengths = pc.binary_length(column).fill_null(0).to_numpy()
    for row in np.flatnonzero(lengths > _LONG_BYTES):
        digest = hashlib.blake2b(column[int(row)].as_buffer(), digest_size=16, key=name.encode()[:64]).digest()
        hashes[:, row] += np.frombuffer(digest, dtype="<u8")


@lru_cache(maxsize=4096)
def _seed(column: str, place: int, half: int) -> tuple[np.uint64, np.uint64]:
    """Return the seed, and what a word of zeros becomes with it."""
    digest = hashlib.blake2b(f"{place} {half} {column}".encode(), digest_size=8).digest()
    seed = np.frombuffer(digest, dtype="<u8")
    return seed[0], _mix(seed.copy())[0]


def _mix(words: Words) -> Words:
    """Mix each word in place: the finaliser of splitmix64, in which every bit decides about every other."""
    shifted = words >> np.uint64(30)
    words ^= shifted
    words *= _ODD_1
    np.right_shift(words, np.uint64(27), out=shifted)
    words ^= shifted
    words *= _ODD_2
    np.right_shift(words, np.uint64(31), out=shifted)
    words ^= shifted
    return words
