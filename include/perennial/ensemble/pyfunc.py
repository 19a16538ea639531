"""Loads an ensemble for MLflow, without store and spec: with the weights of its promotion.

MLflow calls `_load_pyfunc` of the module that a model's `python_function` flavour names.
"""

from __future__ import annotations

from pathlib import Path

from perennial.ensemble.files import read_members
from perennial.models.bundle import MANIFEST
from perennial.models.manifest import Manifest
from perennial.models.pyfunc import ServedModel


def _load_pyfunc(path: str) -> ServedModel:
    """Read a downloaded model, without members whose files are not those that the manifest names.

    Without the store the manifest itself cannot be verified: as with every model that MLflow loads, those who can write
    to MLflow's artifact storage are trusted.
    """
    folder = Path(path)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    return ServedModel(read_members(folder, manifest, "the model").model)
