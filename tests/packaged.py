"""Bundles in folders, of models that were fitted on the contract's example rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from perennial.models.bundle import write_manifest
from perennial.models.contract import example_rows
from perennial.models.environment import library_versions
from perennial.models.formats.formats import format_of
from perennial.models.formats.skops_format import SkopsModel
from perennial.models.manifest import Manifest
from perennial.spec import ModelSpec
from perennial.training.pipeline import build_pipeline
from tests.candidates import provenance, split_plan

TYPES = {"x": "double", "gap": "double", "kind": "string"}


@dataclass(frozen=True)
class Bundled:
    """A model, the rows that it was fitted on, and the folder of its bundle."""

    folder: Path
    manifest: Manifest
    model: SkopsModel
    inputs: pd.DataFrame


def bundled(
    folder: Path, estimator: str, target: str = "label", *, columns: tuple[str, ...] = tuple(TYPES), **model: Any
) -> Bundled:
    """Fit a model for one of the example's targets: `label`, `text_label` or `amount`."""
    kinds = {kind: [name for name in columns if TYPES[name] == kind] for kind in ("double", "string")}
    spec = ModelSpec.model_validate(
        {
            "name": "late-orders",
            "task": "regression" if target == "amount" else "classification",
            "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
            "target": {"column": target},
            "features": {"numeric": kinds["double"], "categorical": kinds["string"]},
            "model": {"estimator": estimator, **model},
            "evaluation": {"holdout": {"days": 10}, "primary": "rmse" if target == "amount" else "f1"},
        }
    )
    rows = example_rows()
    inputs = rows[list(columns)]
    fitted = SkopsModel(build_pipeline(spec).fit(inputs, rows[target].to_numpy()))
    kept = format_of(fitted)
    folder.mkdir(parents=True)
    types = kept.write(fitted, folder / kept.file)
    manifest = Manifest(
        format=kept.name,
        format_version=kept.version,
        files={kept.file: ""},
        task=spec.task,
        target=target,
        labels=fitted.predict(inputs).classes,
        positive=None,
        inputs={name: TYPES[name] for name in columns},
        features=(),
        transform=None,
        types=types,
        split=split_plan(),
        recipe="",
        provenance=provenance().model_copy(update={"libraries": library_versions(estimator)}),
        baseline_scores={},
    )
    manifest, _ = write_manifest(folder, manifest)
    return Bundled(folder, manifest, fitted, inputs)
