"""The model of a wheel: its bundle, read by the code that trained and judged it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from perennial.ensemble.model import EnsembleModel
from perennial.models.formats.formats import format_named
from perennial.models.model import Model
from perennial.packages.runtime.answers import answers_of
from perennial.packages.runtime.rows import typed_rows

MANIFEST = "bundle.json"
MEMBERS = "members/"


@dataclass(frozen=True)
class Packaged:
    """A model and its manifest.

    Attributes
    ----------
    manifest : dict
        `bundle.json`: what the model is, was made of, and reads.
    model : Model
    """

    manifest: dict[str, Any]
    model: Model

    @property
    def inputs(self) -> dict[str, str]:
        """Column -> its type, in the order in which the model reads them."""
        return dict(self.manifest["inputs"])

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the predictions for n rows, with the frame's index.

        Parameters
        ----------
        frame : DataFrame of shape (n, columns)
            With the columns of `inputs`, in any order.

        Returns
        -------
        pandas.DataFrame
            `prediction`, and a probability (or a score) for each label; see `answers_of`.

        Raises
        ------
        ValueError
            A column is missing, or of another type.
        """
        return answers_of(self.model.predict(typed_rows(frame, self.inputs))).set_axis(frame.index)


def read_packaged(folder: Path) -> Packaged:
    """Read the bundle in a folder; nothing is loaded from a file that is not the one in the manifest.

    Only the model that serves is in a wheel: the twin that was judged stays in the registry.

    Raises
    ------
    ValueError
        A file has another digest than the manifest says.
    """
    manifest = json.loads((folder / MANIFEST).read_bytes())
    if not manifest["members"]:
        return Packaged(manifest, _read(folder, manifest))
    members = {one["mlflow_run_id"]: one for one in manifest["members"]}
    models = {name: _read(folder / MEMBERS / name, one["manifest"]) for name, one in members.items()}
    return Packaged(manifest, EnsembleModel(models, {name: one["weight"] for name, one in members.items()}))


def _read(folder: Path, manifest: dict[str, Any]) -> Model:
    kept = format_named(manifest["format"], manifest["format_version"], "the model")
    path = folder / kept.file
    if hashlib.sha256(path.read_bytes()).hexdigest() != manifest["files"][kept.file]:
        raise ValueError(f"{path} is not the file that was packaged: install the wheel again")
    return kept.read(path, manifest["types"])
