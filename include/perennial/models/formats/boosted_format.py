"""Boosters in the libraries' own files, with the rest of the pipeline in a skops file, in one archive: never pickle."""

from __future__ import annotations

import copy
import json
import tempfile
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.pipeline import Pipeline

from perennial.errors import TrainingError
from perennial.models.boosted import LIBRARIES, Boosted, BoostedClassifier, BoostedRegressor, missing_extra
from perennial.models.decided import innermost
from perennial.models.formats.skops_format import SkopsFormat, SkopsModel
from perennial.models.model import Model
from perennial.models.predictions import as_array, as_labels

_PIPELINE, _DESCRIPTION = "pipeline.skops", "booster.json"


class BoostedFormat:
    """The format of pipelines with a booster of LightGBM, XGBoost or CatBoost; see ModelFormat."""

    name = "boosted"
    version = 1
    file = "model.zip"

    def takes(self, model: Model) -> bool:
        """Tell whether a model is a pipeline with a booster in it."""
        return isinstance(model, SkopsModel) and isinstance(innermost(model.pipeline[-1]), Boosted)

    def write(self, model: Model, path: Path) -> tuple[str, ...]:
        """Write a pipeline; return the types that a loader must trust beyond those of skops itself."""
        if not isinstance(model, SkopsModel) or not self.takes(model):
            raise TrainingError(f"{self.name} keeps pipelines with a booster, not {type(model).__name__}")
        booster = innermost(model.pipeline[-1])
        # In the skops file, one of these stands where the booster belongs.
        stand_in = DummyClassifier() if isinstance(booster, BoostedClassifier) else DummyRegressor()
        rest = copy.deepcopy(model.pipeline, {id(booster): stand_in})
        library = LIBRARIES[booster.library_]
        classes = getattr(booster, "classes_", None)
        description = {
            "library": booster.library_,
            "columns": booster.n_features_in_,
            "categories": list(booster.categories),
            "classes": None if classes is None else as_labels(classes),
        }
        try:
            with tempfile.TemporaryDirectory(dir=path.parent) as folder, zipfile.ZipFile(path, "w") as archive:
                types = SkopsFormat().write(SkopsModel(rest), Path(folder) / _PIPELINE)
                archive.write(Path(folder) / _PIPELINE, _PIPELINE)
                archive.writestr(_DESCRIPTION, json.dumps(description))
                archive.writestr(library.file, library.write(booster.booster_), zipfile.ZIP_DEFLATED)
        except OSError as error:
            raise TrainingError(f"the model cannot be written to {path}: {error}") from error
        return types

    def read(self, path: Path, trusted: Collection[str]) -> SkopsModel:
        """Read a pipeline; its types are checked before any object in it is created."""
        try:
            # The archive's checksums are verified before the libraries, which end the process on some damage, read it.
            with zipfile.ZipFile(path) as archive:
                content = {name: archive.read(name) for name in archive.namelist()}
            description = json.loads(content[_DESCRIPTION])
            library = LIBRARIES[description["library"]]
            native = content[library.file]
        except (zipfile.BadZipFile, OSError, KeyError, ValueError) as error:
            raise TrainingError(f"{path.name} is not a readable model with a booster: {error}") from error
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / _PIPELINE).write_bytes(content[_PIPELINE])
            rest = SkopsFormat().read(Path(folder) / _PIPELINE, trusted).pipeline
        try:
            booster = _booster(description, library.read(native))
        except ImportError as error:
            name = description["library"]
            raise TrainingError(f"{path.name} needs {name}, which is not installed: {missing_extra(name)}") from error
        except Exception as error:
            raise TrainingError(f"{path.name}: its booster cannot be read: {type(error).__name__}: {error}") from error
        pipeline: Pipeline = copy.deepcopy(rest, {id(innermost(rest[-1])): booster})
        return SkopsModel(pipeline)


def _booster(description: dict[str, Any], native: Any) -> Boosted:
    classes = description["classes"]
    booster = (BoostedRegressor if classes is None else BoostedClassifier)(categories=tuple(description["categories"]))
    booster.keep(description["library"], native, description["columns"])
    if classes is not None:
        booster.classes_ = as_array(tuple(classes))
    return booster
