"""Loads an ensemble for MLflow, without store and spec: with the weights of its promotion.

MLflow calls `_load_pyfunc` of the module that a model's `python_function` flavour names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from perennial.ensemble.files import read_members
from perennial.models.bundle import MANIFEST
from perennial.models.manifest import Manifest
from perennial.models.model import Model


@dataclass(frozen=True)
class ServedMembers:
    """The object whose `predict` MLflow calls."""

    model: Model

    def predict(self, rows: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002 - MLflow's form
        """Return a label or a number for each row, shape (n,)."""
        return self.model.predict(rows).values


def _load_pyfunc(path: str) -> ServedMembers:
    """Read a downloaded model, without members whose files are not those that the manifest names.

    Without the store the manifest itself cannot be verified: as with every model that MLflow loads, those who can write
    to MLflow's artifact storage are trusted.
    """
    folder = Path(path)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    return ServedMembers(read_members(folder, manifest, "the model").model)
