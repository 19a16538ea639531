"""Models with thresholds by group: the thresholds as numbers beside the model's own file, in one archive."""

from __future__ import annotations

import dataclasses
import json
import tempfile
import zipfile
from collections.abc import Collection
from pathlib import Path

from sklearn.pipeline import Pipeline

from perennial.errors import TrainingError
from perennial.models.by_group import GroupThresholdClassifier, GroupThresholds
from perennial.models.formats.boosted_format import BoostedFormat
from perennial.models.formats.skops_format import SkopsFormat, SkopsModel
from perennial.models.model import Model

_THRESHOLDS = "thresholds.json"
_BOOSTED, _PLAIN = BoostedFormat(), SkopsFormat()


class GroupedFormat:
    """The format of pipelines whose last step has thresholds by group; see ModelFormat."""

    name = "grouped"
    version = 1
    file = "model-by-group.zip"

    def takes(self, model: Model) -> bool:
        """Tell whether a model is a pipeline with thresholds by group."""
        return isinstance(model, SkopsModel) and isinstance(model.pipeline[-1], GroupThresholdClassifier)

    def write(self, model: Model, path: Path) -> tuple[str, ...]:
        """Write a pipeline; return the types that a loader must trust beyond those of skops itself."""
        if not isinstance(model, SkopsModel) or not isinstance(model.pipeline[-1], GroupThresholdClassifier):
            raise TrainingError(f"{self.name} keeps pipelines with thresholds by group, not {type(model).__name__}")
        decided = model.pipeline[-1]
        inner = SkopsModel(Pipeline([*model.pipeline.steps[:-1], ("estimator", decided.estimator.estimator)]))
        kept = _BOOSTED if _BOOSTED.takes(inner) else _PLAIN
        try:
            with tempfile.TemporaryDirectory(dir=path.parent) as folder, zipfile.ZipFile(path, "w") as archive:
                types = kept.write(inner, Path(folder) / kept.file)
                archive.write(Path(folder) / kept.file, kept.file)
                archive.writestr(_THRESHOLDS, json.dumps(dataclasses.asdict(decided.thresholds)))
        except OSError as error:
            raise TrainingError(f"the model cannot be written to {path}: {error}") from error
        return types

    def read(self, path: Path, trusted: Collection[str]) -> SkopsModel:
        """Read a pipeline; its types are checked before any object in it is created."""
        try:
            with zipfile.ZipFile(path) as archive:
                content = {name: archive.read(name) for name in archive.namelist()}
            thresholds = GroupThresholds(**json.loads(content[_THRESHOLDS]))
            kept = _BOOSTED if _BOOSTED.file in content else _PLAIN
            inside = content[kept.file]
        except (zipfile.BadZipFile, OSError, KeyError, ValueError, TypeError) as error:
            raise TrainingError(f"{path.name} is not a readable model with thresholds by group: {error}") from error
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / kept.file).write_bytes(inside)
            inner = kept.read(Path(folder) / kept.file, trusted).pipeline
        decided = GroupThresholdClassifier.around(inner[-1], thresholds)
        return SkopsModel(Pipeline([*inner.steps[:-1], ("estimator", decided)]))
