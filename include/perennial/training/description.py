"""Describes a fitted model in the manifest of its bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from perennial.data.weights import metric_weights
from perennial.digests import recipe_digest
from perennial.evaluation.metrics import score
from perennial.models.by_group import GroupThresholdClassifier
from perennial.models.environment import code_version, library_versions, system_description
from perennial.models.formats.formats import format_of
from perennial.models.formats.skops_format import SkopsModel
from perennial.models.manifest import Manifest, ThresholdsByGroup, features_in
from perennial.models.provenance import Provenance
from perennial.models.transform import source_digest
from perennial.spec.concerns import fields_of, recipe_concerns
from perennial.spec.reading.yaml_text import as_yaml

if TYPE_CHECKING:
    from perennial.data.snapshots.records import Snapshot
    from perennial.data.split_plan import SplitPlan
    from perennial.models.base import Base
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec


def provenance_of(run: RetrainingRun, snapshot: Snapshot, plan: SplitPlan, base: Base | None = None) -> Provenance:
    """Return the provenance of the run's model, which continues the base if there is one."""
    return Provenance(
        run_id=run.run_id,
        snapshot_digest=snapshot.digest,
        recipe_digest=recipe_digest(run.spec),
        transform_digest=source_digest(run.spec.features.transform),
        libraries=library_versions(*run.spec.fitting_code),
        code_version=code_version(),
        system=system_description(),
        triggered_by=run.triggered_by,
        reason=run.reason,
        train_end=plan.train_end,
        data_end=snapshot.end,
        base=base,
    )


def describe(
    spec: ModelSpec,
    model: SkopsModel,
    *,
    snapshot: Snapshot,
    plan: SplitPlan,
    provenance: Provenance,
    holdout: pd.DataFrame,
) -> Manifest:
    """Return the manifest of a fitted model, without its files and their types.

    Parameters
    ----------
    spec : ModelSpec
    model : SkopsModel
    snapshot : Snapshot
    plan : SplitPlan
    provenance : Provenance
    holdout : pandas.DataFrame
        The held-out rows, on which the baseline scores are measured.
    """
    kept, features = format_of(model), spec.features
    said = model.predict(holdout)
    truth = plain_labels(holdout[spec.target.column])
    return Manifest(
        format=kept.name,
        format_version=kept.version,
        files={kept.file: ""},
        task=spec.task,
        target=spec.target.column,
        labels=said.classes,
        positive=_positive(spec, said.classes),
        threshold=said.threshold.at if said.threshold else None,
        thresholds=stated_thresholds(model),
        calibration=spec.model.calibration,
        inputs={name: snapshot.schema_[name] for name in model.inputs},
        features=features_in(features),
        transform=features.transform,
        types=(),
        split=plan,
        recipe=as_yaml(fields_of(spec, *recipe_concerns(spec))),
        provenance=provenance,
        baseline_scores=score(spec, truth, said, weights=metric_weights(spec, holdout)).metrics,
    )


def stated_thresholds(model: SkopsModel) -> ThresholdsByGroup | None:
    """Return the thresholds by group of a fitted model as its manifest states them; None: it has none."""
    decided = model.pipeline[-1]
    if not isinstance(decided, GroupThresholdClassifier):
        return None
    own = decided.thresholds
    return ThresholdsByGroup(column=own.column, at=dict(own.at), otherwise=own.otherwise)


def _positive(spec: ModelSpec, labels: tuple[int | float | str, ...]) -> int | float | str | None:
    if len(labels) != 2:
        return None
    return 1 if spec.target.positive is None else spec.target.positive


def plain_labels(truth: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Return labels as the metrics expect them, shape (rows,)."""
    return truth.to_numpy() if pd.api.types.is_numeric_dtype(truth) else truth.to_numpy(dtype=object)
