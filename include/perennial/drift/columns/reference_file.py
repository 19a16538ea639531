"""The file of a prepared reference: an uncompressed .npz, which is memory-mapped when it is loaded."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from perennial.drift.columns.prepared_column import PreparedColumn
from perennial.drift.statistics.design_effect import Clustering
from perennial.drift.statistics.ecdf import Ecdf
from perennial.drift.statistics.labels import Labels
from perennial.errors import DataError

_VERSION = 1
# Size of the fixed part of a zip entry's local header. Its last 4 bytes are the lengths of the two fields after it.
_LOCAL_HEADER_BYTES = 30


def write_columns(path: Path, kind: str, entity: str | None, columns: Iterable[PreparedColumn]) -> None:
    """Write prepared columns; `kind` names the test that can read them."""
    header: dict[str, Any] = {"version": _VERSION, "kind": kind, "entity": entity, "columns": []}
    arrays: dict[str, npt.NDArray[Any]] = {}
    for number, column in enumerate(columns):
        header["columns"].append(
            {
                "name": column.name,
                "missing": column.missing,
                "clustering": [column.clustering.rows, column.clustering.icc],
                "missing_clustering": [column.missing_clustering.rows, column.missing_clustering.icc],
                "body": type(column.body).__name__ if column.body else None,
                "n": column.n,
            }
        )
        body = column.body
        if isinstance(body, Ecdf):
            fields = {"edges": body.edges, "below": body.below, "upto": body.upto, "values": body.values}
        else:
            fields = {"values": body.values, "counts": body.counts} if body else {}
        arrays.update({f"{number}.{name}": array for name, array in fields.items()})
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, header=text, **arrays)


def read_columns(path: Path, kind: str) -> tuple[str | None, list[PreparedColumn]]:
    """Return the entity column and the prepared columns that `write_columns` wrote for the same kind."""
    try:
        arrays = _map_arrays(path)
        header = json.loads(arrays["header"].tobytes())
        if header["version"] != _VERSION or header["kind"] != kind:
            raise DataError(
                f"{path} is a prepared reference of {header['kind']}, version {header['version']}; "
                f"{kind}, version {_VERSION} is needed. Prepare the reference again"
            )
        return header["entity"], [_column(number, entry, arrays) for number, entry in enumerate(header["columns"])]
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise DataError(
            f"{path} is not a prepared reference, or is damaged ({error}). Prepare the reference again"
        ) from error


def _column(number: int, entry: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> PreparedColumn:
    def small(name: str) -> npt.NDArray[Any]:
        return np.array(
            arrays[f"{number}.{name}"]
        )  # A copy in memory, which is aligned: every comparison uses all of it.

    body: Ecdf | Labels | None = None
    if entry["body"] == "Ecdf":
        body = Ecdf(entry["n"], small("edges"), small("below"), small("upto"), arrays[f"{number}.values"])
    elif entry["body"] == "Labels":
        body = Labels(small("values"), small("counts"))
    clusterings = (Clustering(*entry["clustering"]), Clustering(*entry["missing_clustering"]))
    return PreparedColumn(entry["name"], body, entry["missing"], *clusterings)


def _map_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the members of an uncompressed .npz as views of one mapped file."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        mapped = np.memmap(path, dtype=np.uint8, mode="r")
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError("its members are compressed")
            file.seek(entry.header_offset + _LOCAL_HEADER_BYTES - 4)
            lengths = file.read(4)
            file.seek(int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little"), 1)
            arrays[entry.filename.removesuffix(".npy")] = _map_array(file, mapped)
    return arrays


def _map_array(file: BinaryIO, mapped: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    (size,), _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it contains pickled objects")
    start = file.tell()
    return mapped[start : start + size * dtype.itemsize].view(dtype)
