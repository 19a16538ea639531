"""Train a version again from what it carries, and tell whether the same model comes of it."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perennial.data.snapshots.manifest import load_manifest
from perennial.data.snapshots.read import read_snapshot
from perennial.data.split import apply_split
from perennial.errors import TrainingError
from perennial.models.environment import code_version, library_versions, system_description
from perennial.models.predictions import Predictions, identical
from perennial.models.transform import source_digest
from perennial.printable import PrintableLog
from perennial.record import Record
from perennial.registry.bundles import load_version
from perennial.spec import ModelSpec
from perennial.spec.reading.yaml_text import from_yaml
from perennial.training.fit import prepare_fit

if TYPE_CHECKING:
    from perennial.models.manifest import Manifest
    from perennial.run import Run

log = PrintableLog(__name__)


class Reproduction(Record):
    """What came of training a version again."""

    model: str
    version: str
    identical: bool
    """The new model says the same of every row, to the last bit."""
    train_rows: int
    holdout_rows: int
    differing_rows: int
    largest_difference: float | None
    """Of a probability or a number; None: the models give labels alone."""
    changed: tuple[str, ...]
    """What is not as it was when the version was trained, in words."""

    @property
    def sentence(self) -> str:
        """Say it in a line."""
        rows = f"{self.train_rows:,} training and {self.holdout_rows:,} held-out rows"
        now = f"; not as it was then: {', '.join(self.changed)}" if self.changed else ""
        who = f"version {self.version} of {self.model}"
        if self.identical:
            return f"{who}: the same predictions, bit for bit, on {rows}{now}"
        far = "" if self.largest_difference is None else f", by {self.largest_difference:.3g} at most"
        why = (
            now or "; nothing that is recorded has changed: the estimator does not repeat itself, or a machine differs"
        )
        return f"{who}: other predictions for {self.differing_rows:,} of the {rows}{far}{why}"


def reproduce(run: Run, version: str) -> Reproduction:
    """Fit the recipe of a version anew on the rows of its snapshot, and compare what both models say of them.

    Nothing is logged or registered.

    Parameters
    ----------
    run : Run
        Of the model; of its spec only the name matters.
    version : str
        Number of a registered version, or an alias such as `champion`.

    Raises
    ------
    TrainingError
        There is no such version, Perennial did not train it, its files were changed, or the recipe cannot be fitted here.
    DataError, StoreError
        Its snapshot is gone or damaged.
    """
    number, bundle = load_version(run, version)
    manifest = bundle.manifest
    snapshot = load_manifest(run.store, run.spec.name, manifest.provenance.snapshot_digest)
    plan = manifest.split
    columns = dict.fromkeys((plan.event_time, plan.target, *manifest.inputs))
    split = apply_split(read_snapshot(run.store, snapshot, columns=list(columns)), plan, manifest.task)
    fit = prepare_fit(_recipe(run.spec, manifest), split.train)
    fit.run()
    rows = pd.concat([split.train, split.holdout], ignore_index=True)
    before, now = bundle.predict(rows), fit.model.predict(rows)
    differing, largest = _apart(before, now)
    return Reproduction(
        model=run.spec.name,
        version=number,
        identical=identical(before, now),
        train_rows=len(split.train),
        holdout_rows=len(split.holdout),
        differing_rows=differing,
        largest_difference=largest,
        changed=_changed(manifest),
    )


def _recipe(spec: ModelSpec, manifest: Manifest) -> ModelSpec:
    """Return a spec with the fields from which the version was made; what else stands in today's does not matter."""
    recipe = from_yaml(manifest.recipe)
    judged = {"primary": "accuracy" if manifest.task == "classification" else "rmse", "gates": {"min_rows": 1}}
    return ModelSpec.model_validate(
        {
            **recipe,
            "name": spec.name,
            "source": spec.source.model_dump(exclude_unset=True) | recipe["source"],
            "evaluation": judged | recipe["evaluation"],
        }
    )


def _apart(before: Predictions, now: Predictions) -> tuple[int, float | None]:
    """Return in how many rows two models differ, and how far at most."""
    if before.classes != now.classes:
        raise TrainingError(f"the labels were {before.classes} and are {now.classes} now: the snapshot is another")
    if before.ranking is not None and now.ranking is not None:
        far = np.abs(before.ranking - now.ranking).max(axis=1)
        return int((far > 0).sum()), float(far.max(initial=0.0))
    if before.classes:
        return int((before.values != now.values).sum()), None
    far = np.abs(before.values.astype(np.float64) - now.values.astype(np.float64))
    return int((far > 0).sum()), float(far.max(initial=0.0))


def _changed(manifest: Manifest) -> tuple[str, ...]:
    made = manifest.provenance
    changed = [
        f"{name} ({made.libraries.get(name, 'none')} then, {version} now)"
        for name, version in library_versions().items()
        if made.libraries.get(name) != version
    ]
    if made.transform_digest != source_digest(manifest.transform):
        changed.append(f"the source of {manifest.transform}")
    if made.code_version != code_version():
        changed.append(f"Perennial ({made.code_version} then, {code_version()} now)")
    if made.system != system_description():
        changed.append(f"the machine ({made.system} then, {platform.platform()} now)")
    return tuple(changed)
