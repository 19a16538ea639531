"""The user's function that makes features: imported by its path, and tried before it becomes part of a model."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
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
        There is no such module or function, or a saved model could not import it by its name.
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


def source_digest(path: str | None) -> str:
    """Return the digest of the source of a transform's module; empty: there is no transform.

    Raises
    ------
    TrainingError
        The module cannot be imported, or has no source.
    """
    if path is None:
        return ""
    module = sys.modules[load_transform(path).__module__]
    try:
        return hashlib.sha256(inspect.getsource(module).encode()).hexdigest()
    except (OSError, TypeError) as error:
        raise TrainingError(
            f"features.transform: {path}: the source of module {module.__name__!r} cannot be read ({error}), and "
            "it is recorded with the model: keep it as a .py file"
        ) from error


def features_of(spec: ModelSpec, rows: pd.DataFrame) -> pd.DataFrame:
    """Compute the features of rows that have the spec's input columns; see `made_features`."""
    if spec.features.transform is None:
        return rows[list(spec.features.columns)]
    return made_features(spec.features.transform, rows[list(spec.features.inputs)], spec.features.columns)


def made_features(path: str, inputs: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Compute features by a transform, as the model's first step does.

    Parameters
    ----------
    path : str
        `module:function`.
    inputs : pandas.DataFrame
        The columns that the transform reads.
    names : sequence of str
        The features to return.

    Returns
    -------
    pandas.DataFrame
        One row for each row of `inputs`, with the features of `names`.

    Raises
    ------
    TrainingError
        The transform cannot be imported, fails, drops rows or leaves out a feature.
    """
    where = f"features.transform: {path}"
    transform = load_transform(path)
    try:
        made = transform(inputs.copy())
    except Exception as error:
        raise TrainingError(f"{where} failed on {len(inputs)} rows: {type(error).__name__}: {error}") from error
    if not isinstance(made, pd.DataFrame):
        raise TrainingError(f"{where} returned {type(made).__name__}, not a pandas DataFrame")
    if len(made) != len(inputs):
        raise TrainingError(
            f"{where} made {len(made)} rows from {len(inputs)}: return one row for each, in the same order"
        )
    absent = [column for column in names if column not in made.columns]
    if absent:
        raise TrainingError(f"{where} returned no column {', '.join(absent)}, which the spec names as a feature")
    return made[list(names)]


def _found_by_name(function: Transform) -> object:
    try:
        return getattr(importlib.import_module(function.__module__), function.__name__)
    except (ImportError, AttributeError):
        return None
