"""Convert columns of numbers to float64."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from perennial.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Floats: TypeAlias = npt.NDArray[np.float64]
Columns: TypeAlias = "Mapping[str, npt.ArrayLike] | pd.DataFrame"
"""A data frame, or a mapping of names to arrays of equal length."""


def as_floats(values: Any, column: str) -> Floats:
    """Return one column as float64, missing values as NaN; not a copy if it is float64 already.

    Raises
    ------
    DataError
        The column is not a column of numbers, or not one-dimensional.
    """
    import pandas as pd  # A record of the monitor's is made of floats, and reading one must not import pandas.

    try:
        if isinstance(values, pd.Series):
            if pd.api.types.is_datetime64_any_dtype(values.dtype) or pd.api.types.is_timedelta64_dtype(values.dtype):
                raise TypeError("times are not numbers")
            floats = values.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            array = np.asarray(values)
            if array.dtype.kind in "mM":
                raise TypeError("times are not numbers")
            floats = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"column '{column}' is not numeric: {error}") from error
    if floats.ndim != 1:
        raise DataError(f"column '{column}' has shape {floats.shape}; give one value per row")
    return floats


def numeric_columns(frame: Columns) -> tuple[str, ...]:
    """Names of the columns that hold numbers or booleans, in order."""
    import pandas as pd

    if isinstance(frame, pd.DataFrame):
        return tuple(
            str(name)
            for name in frame.select_dtypes(include=["number", "bool", "boolean"], exclude=["timedelta"]).columns
        )
    return tuple(name for name, values in frame.items() if np.asarray(values).dtype.kind in "biuf")


def sorted_values(values: Floats) -> tuple[Floats, int]:
    """Return the values in ascending order without the missing ones, and the number of missing ones."""
    ordered = np.sort(values)
    present = int(np.searchsorted(ordered, np.nan))  # NaN sorts after everything, including infinity.
    return ordered[:present], values.size - present
