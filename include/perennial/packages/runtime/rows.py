"""Rows to predict for, from files and requests: with the columns and types that the model was trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

TIME = "timestamp[us, tz=UTC]"
# Type in a snapshot -> what makes such a column of any that holds the same values.
_AS: Mapping[str, Callable[[pd.Series], pd.Series]] = {
    "double": lambda column: column.astype("float64"),
    "int64": lambda column: column.astype("int64"),
    # Missing text is NaN in training, whatever it is here.
    "string": lambda column: column.astype("str").where(column.notna()),
    TIME: lambda column: pd.to_datetime(column, utc=True).astype("datetime64[us, UTC]"),
}


def typed_rows(frame: pd.DataFrame, inputs: Mapping[str, str]) -> pd.DataFrame:
    """Return the model's inputs of rows, as it was trained on them.

    Parameters
    ----------
    frame : DataFrame of shape (n, columns)
        Columns in any order; those that the model does not read are left out.
    inputs : mapping of column to type in a snapshot

    Raises
    ------
    ValueError
        A column is missing, or holds values of another kind.
    """
    absent = [name for name in inputs if name not in frame.columns]
    if absent:
        raise ValueError(f"the rows have no column {', '.join(absent)}: the model reads {', '.join(inputs)}")
    columns = {}
    for name, kind in inputs.items():
        try:
            columns[name] = _AS[kind](frame[name])
        except (ValueError, TypeError) as error:
            raise ValueError(f"column {name!r} should be of type {kind}: {error}") from error
    return pd.DataFrame(columns, index=frame.index)


def rows_of_file(path: Path, inputs: Mapping[str, str]) -> pd.DataFrame:
    """Read a CSV file with a header, or a Parquet file (needs pyarrow), by the end of its name.

    Raises
    ------
    ValueError
        It is neither, or cannot be read.
    OSError
        It is not there.
    """
    if path.suffix == ".parquet":
        try:
            return pd.read_parquet(path)
        except ImportError as error:
            raise ValueError(f"{path.name}: Parquet is read by pyarrow, which is not installed") from error
    if path.suffix != ".csv":
        raise ValueError(f"{path.name} is neither .csv nor .parquet")
    # A number may be written as NaN, but of texts only the empty one is missing: NA is an airline and a country.
    texts = [name for name, kind in inputs.items() if kind == "string"]
    return pd.read_csv(
        path,
        dtype=dict.fromkeys(texts, "str"),
        keep_default_na=False,
        # The default is quicker, and differs in the last bit of some numbers.
        float_precision="round_trip",
        na_values={name: [""] if kind == "string" else ["", "NaN", "nan"] for name, kind in inputs.items()},
    )


def rows_of_request(rows: object) -> pd.DataFrame:
    """Return the rows of a request: column -> value for each, null where it is missing.

    Raises
    ------
    ValueError
        They are not a list of such rows.
    """
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError('send {"rows": [{"<column>": <value>, ...}, ...]}')
    return pd.DataFrame(rows)
