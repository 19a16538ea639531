"""Which columns a spec reads from its source, as which type, and for which purpose."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from enum import Enum, auto

import pyarrow as pa

from perennial.errors import DataError
from perennial.printable import printable_name
from perennial.spec import ModelSpec

TIME = pa.timestamp("us", tz="UTC")
NUMBER = pa.float64()
WHOLE = pa.int64()
TEXT = pa.string()

LARGEST_NUMBER = 3.4028234663852886e38
"""The largest 32-bit float. Trees compute in 32 bits, and squares of such numbers fit into 64 bits."""


class Kind(Enum):
    """The type as which a column is read."""

    TIME = auto()
    NUMBER = auto()
    TEXT = auto()
    LABEL = auto()
    """Whole numbers or text, depending on the source: the target of a classification."""
    OPEN = auto()
    """Numbers, times or text, depending on the source: inputs of a transform and columns of expectations."""


class ValueType(Enum):
    """The type that a column has in the source."""

    EMPTY = "empty"
    NUMBER = "number"
    TIME = "time"
    TEXT = "text"


def column_kinds(spec: ModelSpec) -> dict[str, Kind]:
    """Return the columns of a snapshot, in order, and as what each is read."""
    return {column: _kind(spec, column) for column in spec.columns}


def column_types(kinds: Mapping[str, Kind], value_types: Mapping[str, Collection[ValueType]]) -> dict[str, pa.DataType]:
    """Return each column's type in the snapshot.

    Parameters
    ----------
    kinds : mapping of column to Kind
    value_types : mapping of column to the ValueTypes in the whole source
        Of the LABEL and OPEN columns. Of the whole source and not only of the window, so that the types do not depend
        on how rows are distributed over files.
    """
    return {column: _type(kind, set(value_types.get(column, ())) - {ValueType.EMPTY}) for column, kind in kinds.items()}


def kind_of(dtype: pa.DataType) -> Kind:
    """Return the Kind for a column type of a snapshot."""
    return {TIME: Kind.TIME, NUMBER: Kind.NUMBER, WHOLE: Kind.LABEL, TEXT: Kind.TEXT}[dtype]


def value_type_of(dtype: pa.DataType) -> ValueType:
    """Return the ValueType of a column of this type."""
    if pa.types.is_dictionary(dtype):
        return value_type_of(dtype.value_type)
    if isinstance(dtype, pa.BaseExtensionType):
        return value_type_of(dtype.storage_type)
    if pa.types.is_null(dtype):
        return ValueType.EMPTY
    if pa.types.is_boolean(dtype) or pa.types.is_integer(dtype) or is_fractional(dtype):
        return ValueType.NUMBER
    if pa.types.is_timestamp(dtype) or pa.types.is_date(dtype):
        return ValueType.TIME
    return ValueType.TEXT


def is_fractional(dtype: pa.DataType) -> bool:
    """Tell whether values of this type may have decimals."""
    return bool(pa.types.is_floating(dtype) or pa.types.is_decimal(dtype))


def check_columns(spec: ModelSpec, found: Collection[str], where: str, *, may_lack: Collection[str] = ()) -> None:
    """Raise DataError with name and role of every missing column, unless all columns that the spec names were found.

    Parameters
    ----------
    spec : ModelSpec
    found : collection of str
    where : str
    may_lack : collection of str
        Columns that need not be found.
    """
    needed = set(spec.columns).difference(spec.features.patterns, may_lack, found)
    missing = [column for column in spec.columns if column in needed]
    if missing:
        lines = [f"  {_role(spec, column)} {column!r}{_similar(column, found)}" for column in missing]
        raise DataError(
            f"{where} lacks columns that the spec of {spec.name} reads:\n"
            + "\n".join(lines)
            + f"\nIt has: {', '.join(map(printable_name, sorted(found))) or 'none'}."
            + " Correct the source, or name its columns in the spec."
        )


def _kind(spec: ModelSpec, column: str) -> Kind:
    if column == spec.source.event_time:
        return Kind.TIME
    if column == spec.target.column:
        return Kind.LABEL if spec.task == "classification" else Kind.NUMBER
    if column in spec.features.numeric or column == spec.weight_column:
        return Kind.NUMBER
    if column in spec.features.datetime:
        return Kind.TIME
    if column in (*spec.features.categorical, *spec.features.text, *spec.source.key):
        return Kind.TEXT
    return Kind.OPEN


def _type(kind: Kind, value_types: set[ValueType]) -> pa.DataType:
    if kind is Kind.TIME:
        return TIME
    if kind is Kind.NUMBER:
        return NUMBER
    if kind is Kind.LABEL:
        return WHOLE if value_types <= {ValueType.NUMBER} else TEXT
    if kind is Kind.OPEN and value_types == {ValueType.NUMBER}:
        return NUMBER
    if kind is Kind.OPEN and value_types == {ValueType.TIME}:
        return TIME
    return TEXT


def _role(spec: ModelSpec, column: str) -> str:
    if column == spec.source.event_time:
        return "event time"
    if column == spec.target.column:
        return "target"
    if column in spec.features.input_columns:
        return "input of the transform" if spec.features.transform else "feature"
    if column == spec.weight_column:
        return "weight"
    fairness = spec.evaluation.fairness
    if column == spec.mitigated_column or (fairness and column in fairness.columns):
        return "sensitive column"
    if column in spec.evaluation.read:
        return "column of slices"
    return "key" if column in spec.source.key else "column of an expectation"


def _similar(column: str, found: Collection[str]) -> str:
    close = difflib.get_close_matches(column, found, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
