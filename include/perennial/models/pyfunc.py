"""Loads a bundle of one model for MLflow, without store and spec.

MLflow calls `_load_pyfunc` of the module that a model's `python_function` flavour names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from perennial.models.bundle import MANIFEST, check_digests, read_models
from perennial.models.manifest import Manifest
from perennial.models.model import Model


@dataclass(frozen=True)
class ServedModel:
    """The object whose `predict` MLflow calls."""

    model: Model

    def predict(self, rows: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002 - MLflow's form
        """Return a label or a number for each row, shape (n,)."""
        return self.model.predict(rows).values


def _load_pyfunc(path: str) -> ServedModel:
    """Read a downloaded model, if its files are those that the manifest names.

    Without the store the manifest itself cannot be verified: as with every model that MLflow loads, those who can write
    to MLflow's artifact storage are trusted.
    """
    folder = Path(path)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    check_digests(folder, manifest.files, "the model")
    return ServedModel(read_models(folder, manifest, "the model").model)
