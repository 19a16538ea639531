"""Trains a version again from what it contains, and tells whether the result is the same model."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import numpy as np

from perennial.data.snapshots.manifest import load_manifest
from perennial.data.snapshots.read import read_snapshot
from perennial.data.split import apply_split, labelled_rows
from perennial.ensemble.files import newest_member
from perennial.errors import TrainingError
from perennial.models.environment import code_version, library_versions, system_description
from perennial.models.predictions import Predictions, identical
from perennial.models.transform import source_digest
from perennial.printable import PrintableLog
from perennial.record import Record
from perennial.registry.bundles import load_version
from perennial.spec import ModelSpec
from perennial.spec.reading.yaml_text import from_yaml
from perennial.training.continuation.champion import Continuation
from perennial.training.fit import Fit, prepare_fit

if TYPE_CHECKING:
    import pandas as pd

    from perennial.models.manifest import Manifest
    from perennial.models.model import Model
    from perennial.run import Run

log = PrintableLog(__name__)


class Repetition(Record):
    """The comparison of one of a version's models with the result of fitting it again."""

    fitted_rows: int
    differing_rows: int
    largest_difference: float | None
    """The largest difference of a probability or a number; None: the models give labels only."""
    identical: bool
    """Whether both predict the same for every row, bit for bit."""

    @property
    def sentence(self) -> str:
        """The comparison in a few words."""
        if self.identical:
            return "the same predictions, bit for bit"
        far = "" if self.largest_difference is None else f", by {self.largest_difference:.3g} at most"
        return f"other predictions for {self.differing_rows:,}{far}"


class Reproduction(Record):
    """The result of training a version again."""

    model: str
    version: str
    rows: int
    """Number of labelled rows of its window, for all of which the models predict."""
    served: Repetition
    twin: Repetition | None
    """The judged model; None: it is the served one."""
    changed: tuple[str, ...]
    """What has changed since the version was trained, in words."""

    @property
    def identical(self) -> bool:
        """Whether all of the version's models are the same when fitted again."""
        return self.served.identical and (self.twin is None or self.twin.identical)

    @property
    def sentence(self) -> str:
        """The result in one line."""
        now = f"; changed since then: {', '.join(self.changed)}" if self.changed else ""
        if not self.identical and not now:
            now = "; nothing recorded has changed: the estimator gives another model each time, or a machine differs"
        found = self.served.sentence
        if self.twin is not None:
            found = f"the model that serves: {found}; its judged twin: {self.twin.sentence}"
        return f"version {self.version} of {self.model}, on {self.rows:,} rows: {found}{now}"


def reproduce(run: Run, version: str) -> Reproduction:
    """Fit the recipe of a version again on the rows of its snapshot, and compare the predictions of old and new models.

    If the version was refit, both models are fitted again: the served model and its judged twin. If several models
    serve together, only the newest is trained again: the others are members of earlier versions. Of a version that continues
    a champion, the update is made again, from the stored files of that champion.

    Nothing is logged or registered.

    Parameters
    ----------
    run : Run
        Any run of the model; only the name in its spec matters.
    version : str
        Number of a registered version, or an alias such as `champion`.

    Raises
    ------
    TrainingError
        There is no such version, Perennial did not train it, its files were changed, or the recipe cannot be fitted
        here.
    DataError, StoreError
        Its snapshot is gone or damaged.
    """
    number, bundle = load_version(run, version)
    bundle = newest_member(bundle)
    manifest = bundle.manifest
    snapshot = load_manifest(run.store, run.spec.name, manifest.provenance.snapshot_digest)
    plan = manifest.split
    spec = _recipe(run.spec, manifest)
    more = (column for column in (spec.weight_column, spec.folds.group) if column)
    columns = dict.fromkeys((plan.event_time, plan.target, *manifest.inputs, *more))
    frame = read_snapshot(run.store, snapshot, columns=list(columns))
    rows = labelled_rows(frame, plan, manifest.task)
    train = apply_split(frame, plan, manifest.task).train
    base = manifest.provenance.base
    twin_fit = prepare_fit(spec, train) if base is None else Continuation.of(run, base).fit_twin(spec, train)
    twin = served = _repeat(bundle.twin, twin_fit, rows)
    if manifest.refit is not None:
        served_fit = prepare_fit(spec, rows) if base is None else Continuation.of(run, base).fit_served(spec, rows)
        served = _repeat(bundle.model, served_fit, rows)
    return Reproduction(
        model=run.spec.name,
        version=number,
        rows=len(rows),
        served=served,
        twin=None if manifest.refit is None else twin,
        changed=_changed(spec, manifest),
    )


def _repeat(model: Model, fit: Fit, rows: pd.DataFrame) -> Repetition:
    fit.run()
    before, now = model.predict(rows), fit.model.predict(rows)
    differing, largest = _apart(before, now)
    return Repetition(
        fitted_rows=len(fit.inputs),
        differing_rows=differing,
        largest_difference=largest,
        identical=identical(before, now),
    )


def _recipe(spec: ModelSpec, manifest: Manifest) -> ModelSpec:
    """Return a spec with the fields that the version was made from; the other fields of today's spec do not matter."""
    recipe = from_yaml(manifest.recipe)
    judged = {"primary": "accuracy" if manifest.task == "classification" else "rmse", "gates": {"min_rows": 1}}
    return ModelSpec.model_validate(
        {
            **recipe,
            "name": spec.name,
            "source": spec.source.model_dump(exclude_unset=True)
            | recipe["source"]
            | {"window": spec.source.windows[0]},
            "evaluation": judged | recipe["evaluation"],
        }
    )


def _apart(before: Predictions, now: Predictions) -> tuple[int, float | None]:
    """Return in how many rows two models differ, and by how much at most."""
    if before.classes != now.classes:
        raise TrainingError(f"the labels were {before.classes} and are {now.classes} now: the snapshot is not the same")
    if before.ranking is not None and now.ranking is not None:
        far = np.abs(before.ranking - now.ranking).max(axis=1)
        return int((far > 0).sum()), float(far.max(initial=0.0))
    if before.classes:
        return int((before.values != now.values).sum()), None
    far = np.abs(before.values.astype(np.float64) - now.values.astype(np.float64))
    return int((far > 0).sum()), float(far.max(initial=0.0))


def _changed(spec: ModelSpec, manifest: Manifest) -> tuple[str, ...]:
    made = manifest.provenance
    changed = [
        f"{name} ({made.libraries.get(name, 'none')} then, {version} now)"
        for name, version in library_versions(*spec.fitting_code).items()
        if made.libraries.get(name) != version
    ]
    if made.transform_digest != source_digest(manifest.transform):
        changed.append(f"the source of {manifest.transform}")
    if made.code_version != code_version():
        changed.append(f"Perennial ({made.code_version} then, {code_version()} now)")
    if made.system != system_description():
        changed.append(f"the machine ({made.system} then, {platform.platform()} now)")
    return tuple(changed)
