"""An ensemble as MLflow loads it, without store or spec: with the weights of its promotion.

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
    """What MLflow asks for answers."""

    model: Model

    def predict(self, rows: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002 - MLflow's form
        """Return a label or a number for each row, shape (n,)."""
        return self.model.predict(rows).values


def _load_pyfunc(path: str) -> ServedMembers:
    """Read a downloaded model; a member whose files are not those that the manifest names is left out.

    Without the store nothing vouches for the manifest itself: whoever can write to MLflow's artifact storage is trusted, as
    with every model that MLflow loads.
    """
    folder = Path(path)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    return ServedMembers(read_members(folder, manifest, "the model").model)
