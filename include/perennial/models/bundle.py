"""A bundle: what training makes and all else uses. A manifest and the model's files, in one folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from perennial.errors import BundleChanged
from perennial.models.formats.formats import format_named
from perennial.models.manifest import Manifest
from perennial.models.model import Model, ModelFormat
from perennial.models.predictions import Predictions
from perennial.models.reasons import Reasons, reasons
from perennial.models.recorded import RecordedBundle
from perennial.models.transform import made_features

MANIFEST = "bundle.json"


@dataclass(frozen=True)
class Bundle:
    """The served model, its judged twin, and the manifest that describes both.

    Attributes
    ----------
    manifest : Manifest
    model : Model
        The model that serves.
    twin : Model
        Fitted by the same recipe before the verdict, on none of the holdout's rows; the served model itself if there
        was no refit.
    left_out : tuple of str
        A sentence for each model that should serve together with the others and cannot be read.
    """

    manifest: Manifest
    model: Model
    twin: Model
    left_out: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the source that the model reads."""
        return tuple(self.manifest.inputs)

    def predict(self, rows: pd.DataFrame) -> Predictions:
        """Return the served model's predictions for rows that have its inputs; see Model."""
        return self.model.predict(rows[list(self.inputs)])

    def reasons(
        self, rows: pd.DataFrame, *, usual: pd.DataFrame | None = None, orders: int = 10, seed: int = 0
    ) -> Reasons:
        """Explain the served model's predictions for single rows; see `perennial.models.reasons.reasons`."""
        return reasons(self.model, rows, usual=usual, orders=orders, seed=seed)


def features_of(manifest: Manifest, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the features of rows that have a model's inputs, made as the model's own first step makes them.

    Raises
    ------
    TrainingError
        The transform can no longer be imported, or fails.
    """
    names = [feature.name for feature in manifest.features]
    if manifest.transform is None:
        return rows[names]
    return made_features(manifest.transform, rows[list(manifest.inputs)], names)


def twin_file(kept: ModelFormat) -> str:
    """Return the name of the twin's file, for a bundle whose twin is not the served model."""
    return f"twin-{kept.file}"


def write_manifest(folder: Path, manifest: Manifest) -> tuple[Manifest, str]:
    """Write the manifest to the folder of the model's files.

    Parameters
    ----------
    folder : Path
        The folder with the files that the manifest names.
    manifest : Manifest

    Returns
    -------
    Manifest
        The manifest as written, with the digests of the files filled in.
    str
        Hexadecimal SHA-256 of the manifest's file.
    """
    files = {name: _digest(folder / name) for name in manifest.files}
    whole = manifest.model_copy(update={"files": files})
    content = whole.model_dump_json(indent=2).encode()
    (folder / MANIFEST).write_bytes(content)
    return whole, hashlib.sha256(content).hexdigest()


def files_of(recorded: RecordedBundle) -> tuple[str, ...]:
    """Return the names of a bundle's files, its manifest among them."""
    return (MANIFEST, *recorded.manifest.files)


def read_bundle(folder: Path, recorded: RecordedBundle, who: str) -> Bundle:
    """Read a bundle; the files are compared with the recorded digests before anything is loaded from them.

    Parameters
    ----------
    folder : Path
    recorded : RecordedBundle
    who : str
        Name of the model in messages, such as 'champion v3'.

    Raises
    ------
    BundleChanged
        A file is not the recorded one.
    TrainingError
        The format is not known here, or the model cannot be loaded, such as when its transform can no longer be
        imported.
    """
    check_files(folder, recorded, who)
    return read_models(folder, recorded.manifest, who)


def read_models(folder: Path, manifest: Manifest, who: str) -> Bundle:
    """Read a bundle whose files the caller has verified. Raises the errors of `read_bundle`."""
    kept = format_named(manifest.format, manifest.format_version, who)
    model = kept.read(folder / kept.file, manifest.types)
    twin = model if manifest.refit is None else kept.read(folder / twin_file(kept), manifest.types)
    return Bundle(manifest, model, twin)


def read_served(folder: Path, manifest: Manifest, who: str) -> Model:
    """Read the model that serves, of a bundle of one model whose files the caller has verified."""
    kept = format_named(manifest.format, manifest.format_version, who)
    return kept.read(folder / kept.file, manifest.types)


def check_files(folder: Path, recorded: RecordedBundle, who: str) -> None:
    """Raise BundleChanged if a file is not the one that was recorded when the model was trained."""
    check_digests(folder, {MANIFEST: recorded.digest, **recorded.manifest.files}, who)


def check_digests(folder: Path, digests: Mapping[str, str], who: str) -> None:
    """Raise BundleChanged if a file of name -> hexadecimal SHA-256 is gone, or has another SHA-256."""
    for name, digest in digests.items():
        if not (folder / name).is_file():
            raise BundleChanged(
                f"{who}: its file {name} is gone from MLflow's artifact storage: put it back from a backup"
            )
        if _digest(folder / name) != digest:
            raise BundleChanged(
                f"{who}: its file {name} in MLflow's artifact storage is not the one that was trained. Something or "
                "someone has changed it, so it is not loaded. Restore the file from a backup, or move the alias "
                "'champion' to another version and retrain"
            )


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
