"""Models in files: skops, never pickle, and only types that are allowed from outside the file."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import skops.io
from sklearn.pipeline import Pipeline

from perennial.errors import TrainingError
from perennial.models.transform import load_transform, trusted_name
from perennial.models.trusted_types import REVIEWED_TYPES

if TYPE_CHECKING:
    from perennial.spec import ModelSpec


def save_model(pipeline: Pipeline, path: Path, spec: ModelSpec) -> tuple[str, ...]:
    """Write a fitted model and make sure that it may be loaded again.

    Returns
    -------
    tuple of str
        The types in it that a loader must allow, all of them reviewed or named by the spec.

    Raises
    ------
    TrainingError
        The model holds something that skops cannot store, or a type that nobody allowed.
    """
    try:
        # skops asks every module that is loaded for some names; Airflow's answer with a warning each, in the task's log.
        with warnings.catch_warnings(action="ignore"):
            skops.io.dump(pipeline, path)
    except OSError as error:
        raise TrainingError(f"the model cannot be written to {path}: {error}") from error
    except Exception as error:
        raise TrainingError(
            f"{spec.model.estimator} cannot be saved by skops: {error}. Pickle is not used, since loading one runs "
            f"whatever code is in it; choose an estimator whose fitted state is data"
        ) from error
    return _checked_types(path, spec)


def load_model(path: Path, spec: ModelSpec) -> Pipeline:
    """Read a model; its types are checked before anything in it is made.

    Parameters
    ----------
    path : Path
        A file of `save_model`.
    spec : ModelSpec
        Its `model.trusted_types` and `features.transform` are allowed, beside the reviewed types.

    Raises
    ------
    TrainingError
        The file is damaged, is no model, or holds a type that nobody allowed.
    """
    trusted = _checked_types(path, spec)
    try:
        model = skops.io.load(path, trusted=list(trusted))
    except Exception as error:
        raise TrainingError(f"{path}: the model cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(model, Pipeline):
        raise TrainingError(f"{path}: holds {type(model).__name__}, not a scikit-learn Pipeline")
    return model


def check_file(path: Path) -> None:
    """Read a model's file whole, and make nothing of what is in it.

    Raises
    ------
    TrainingError
        It is no model's file, or the checksum of a part of it is wrong.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        raise TrainingError(f"{path.name} is damaged: {error}") from error
    if damaged is not None:
        raise TrainingError(f"{path.name} is damaged: {damaged!a} in it is not what was written")


def _checked_types(path: Path, spec: ModelSpec) -> tuple[str, ...]:
    try:
        found = skops.io.get_untrusted_types(file=path)
    except Exception as error:
        raise TrainingError(
            f"{path.name} is damaged, or not a skops file ({type(error).__name__}: {error}): put it back from a backup of "
            "MLflow's artifacts; docs/operations.md#retraining-failed says what else helps"
        ) from error
    refused = sorted(set(found) - _allowed_types(spec))
    if refused:
        raise TrainingError(
            f"{path.name} holds types that nobody allowed: {', '.join(refused)}. If you trust their code, list them "
            f"under model.trusted_types of {spec.name}'s spec"
        )
    return tuple(found)


def _allowed_types(spec: ModelSpec) -> set[str]:
    allowed = set(REVIEWED_TYPES) | set(spec.model.trusted_types)
    if spec.features.transform is not None:
        # Naming the function in the spec is the consent.
        allowed.add(trusted_name(load_transform(spec.features.transform)))
    return allowed
