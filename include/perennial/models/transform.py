"""The user's function that makes features: found by import path, and tried before it becomes part of a model."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from perennial.errors import TrainingError

if TYPE_CHECKING:
    from perennial.spec import ModelSpec

Transform = Callable[[pd.DataFrame], pd.DataFrame]


def load_transform(path: str) -> Transform:
    """Import a transform.

    Parameters
    ----------
    path : str
        `module:function`.

    Raises
    ------
    TrainingError
        There is no such module or function, or a saved model could not find it again by its name.
    """
    module_name, _, name = path.partition(":")
    where = f"features.transform: {path}"
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise TrainingError(f"{where}: module {module_name!r} cannot be imported: {error}") from error
    function: Any = getattr(module, name, None)
    if not callable(function):
        raise TrainingError(f"{where}: module {module_name!r} has no function {name!r}")
    if _found_by_name(function) is not function:
        raise TrainingError(
            f"{where}: a saved model names this function and imports it again: "
            f"define it with 'def' at the top level of its module"
        )
    return cast("Transform", function)


def trusted_name(function: Transform) -> str:
    """Return the name under which skops stores a function."""
    return f"{function.__module__}.{function.__name__}"


def features_of(spec: ModelSpec, rows: pd.DataFrame) -> pd.DataFrame:
    """Compute the features of some rows, as the model's first step will.

    Parameters
    ----------
    spec : ModelSpec
    rows : pandas.DataFrame
        Has the spec's input columns.

    Returns
    -------
    pandas.DataFrame
        One row for each, with every feature.

    Raises
    ------
    TrainingError
        The transform fails, drops rows or leaves out a feature.
    """
    if spec.features.transform is None:
        return rows[list(spec.features.columns)]
    where = f"features.transform: {spec.features.transform}"
    try:
        made = load_transform(spec.features.transform)(rows[list(spec.features.inputs)].copy())
    except TrainingError:
        raise
    except Exception as error:
        raise TrainingError(f"{where} failed on {len(rows)} rows: {type(error).__name__}: {error}") from error
    if not isinstance(made, pd.DataFrame):
        raise TrainingError(f"{where} returned {type(made).__name__}, not a pandas DataFrame")
    if len(made) != len(rows):
        raise TrainingError(f"{where} made {len(made)} rows of {len(rows)}: return one row for each, in the same order")
    absent = [column for column in spec.features.columns if column not in made.columns]
    if absent:
        raise TrainingError(f"{where} returned no column {', '.join(absent)}, which the spec names as a feature")
    return made[list(spec.features.columns)]


def _found_by_name(function: Transform) -> object:
    try:
        return getattr(importlib.import_module(function.__module__), function.__name__)
    except (ImportError, AttributeError):
        return None
