"""Digests of all that prepared features follow from."""

from __future__ import annotations

import functools
import hashlib
import importlib
import io
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from perennial.models import transform, transformer
from perennial.models.environment import library_versions
from perennial.models.transformer import code_digest, imports_of, installed_packages
from perennial.training.features.preparation import Readers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perennial.spec import ModelSpec


def features_digest(
    spec: ModelSpec, readers: Readers, inputs: pd.DataFrame, labels: NDArray[Any], tested: pd.DataFrame
) -> str | None:
    """Return the digest of what a preparation, fitted on rows and their labels, makes of them and of tested rows.

    Returns
    -------
    str or None
        None: see `rows_digest`.

    Raises
    ------
    TrainingError
        The user's code has no source.
    """
    learnt, others = rows_digest(inputs, labels), rows_digest(tested)
    if learnt is None or others is None:
        return None
    return joined(preparation_digest(spec, readers), learnt, others)


def preparation_digest(spec: ModelSpec, readers: Readers) -> str:
    """Return the digest of how features are prepared, whatever the rows: steps, parameters, seed, code, libraries.

    Raises
    ------
    TrainingError
        The user's code has no source.
    """
    features = spec.features.model_dump(exclude={"cache_mb"})
    named = tuple(path for step in spec.features.steps for _, path, _ in imports_of(step))
    parts = (features, spec.model.seed, readers, code_digest(spec.features), _libraries(named), _own_code())
    return joined(*map(repr, parts))


def rows_digest(rows: pd.DataFrame, labels: NDArray[Any] | None = None) -> str | None:
    """Return the digest of rows, their order, columns and types, and of their labels.

    It is that of Arrow's streaming format, which is the whole content.

    Returns
    -------
    str or None
        None: there are objects among them that the format could mistake for others, such as None and NaN.
    """
    if any(dtype.kind == "O" and isinstance(dtype, np.dtype) for dtype in rows.dtypes):
        return None
    tables = [pa.Table.from_pandas(rows)]
    if labels is not None:
        try:
            tables.append(pa.table({str(labels.dtype): labels}))
        except pa.ArrowException:
            return None
    sink = _Digest()
    for table in tables:
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table.combine_chunks())
    return sink.digest.hexdigest()


def joined(*parts: str) -> str:
    """Return the digest of texts, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d:%s" % (len(part.encode()), part.encode()))
    return digest.hexdigest()


class _Digest(io.RawIOBase):
    """A file that keeps only the digest of what is written to it."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(memoryview(data))


@functools.cache
def _libraries(named: tuple[str, ...]) -> tuple[str, ...]:
    """Return versions, and of each class or function that steps name the digest of the file that it is in.

    What is installed may change without its version, such as a package that is installed from a folder.
    """
    found = [f"{name}=={version}" for name, version in library_versions(*named).items()]
    for path in named:
        module, _, name = path.rpartition(".")
        defined = sys.modules[getattr(importlib.import_module(module), name).__module__]
        file = getattr(defined, "__file__", None)
        digest = hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
        versions = (metadata.version(each) for each in installed_packages().get(path.partition(".")[0], ()))
        found.append(" ".join((path, digest, *versions)))
    return tuple(found)


@functools.cache
def _own_code() -> str:
    """Return the digest of the code that builds preparations from specs."""
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(transform.__file__), Path(transformer.__file__)]
    return joined(*(file.read_text() for file in files))
