"""What each field of a spec can change, and a digest for each such concern.

What is kept between runs is named by a digest of everything that it depends on. So it is found again as long as that
does not change, and made again when it does. With a digest of the whole spec, a candidate would depend on its owner's
name. Therefore each field is assigned to the concerns whose result it can change, or to none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perennial.spec.model_spec import ModelSpec


class Concern(StrEnum):
    """A result that fields of a spec can change."""

    ROWS = "rows"
    """Which rows, columns and types a retraining uses."""
    FEATURES = "features"
    """How the estimator's inputs are computed from the rows."""
    SEARCH = "search"
    """The estimator and parameters that a search finds, for given rows and features."""
    FITTING = "fitting"
    """The fitted model, for given rows and features."""
    FOLDS = "folds"
    """The folds of given training rows, and with them the scores by which settings are compared."""
    JUDGING = "judging"
    """The verdict on a given model."""
    REFERENCE = "reference"
    """The reference of a given champion, with which checks compare."""
    SLICES = "slices"
    """How a given champion did in slices of its holdout, which is part of its reference if the spec asks for slices."""
    WATCHING = "watching"
    """The rows and results of a check, for a given reference."""
    RETRAINING = "retraining"
    """The decision on the results of a check."""
    REPLAY = "replay"
    """Which rows a replay may use at a time in the past."""


_NONE: tuple[Concern, ...] = ()

CONCERNS: Mapping[str, tuple[Concern, ...]] = {
    # Another name means another model: everything is stored below the name.
    "name": _NONE,
    "description": _NONE,
    "owner": _NONE,
    "tags": _NONE,
    "alerts": _NONE,
    "schedule": _NONE,
    "resources": _NONE,
    "approval": _NONE,
    # The performance test then measures the version before, too.
    "auto_rollback": (Concern.WATCHING, Concern.RETRAINING),
    # Decides where things are stored, not their content.
    "region": _NONE,
    "task": (Concern.ROWS, Concern.FITTING, Concern.JUDGING),
    "source.uri": (Concern.ROWS, Concern.WATCHING),
    "source.format": (Concern.ROWS, Concern.WATCHING),
    "source.csv": (Concern.ROWS, Concern.WATCHING),
    "source.sql": (Concern.ROWS, Concern.WATCHING),
    "source.connection": (Concern.ROWS, Concern.WATCHING),
    "source.event_time": (Concern.ROWS, Concern.FITTING, Concern.WATCHING),
    "source.time_zone": (Concern.ROWS, Concern.WATCHING),
    # A retraining uses everything that is known now.
    "source.known_time": (Concern.REPLAY,),
    "source.key": (Concern.ROWS, Concern.WATCHING),
    "source.window": (Concern.ROWS,),
    # Decides whether an ingest or a check stops; columns that are not there change the rows themselves.
    "source.changes": _NONE,
    "source.future": (Concern.ROWS, Concern.WATCHING),
    "target.column": (Concern.ROWS, Concern.FITTING, Concern.JUDGING, Concern.WATCHING),
    "target.positive": (Concern.SEARCH, Concern.JUDGING, Concern.SLICES, Concern.WATCHING),
    "target.label_delay_days": (Concern.FITTING, Concern.WATCHING),
    "features.numeric": (Concern.ROWS, Concern.FEATURES),
    "features.categorical": (Concern.ROWS, Concern.FEATURES),
    "features.text": (Concern.ROWS, Concern.FEATURES),
    "features.datetime": (Concern.ROWS, Concern.FEATURES),
    "features.transform": (Concern.ROWS, Concern.FEATURES),
    "features.inputs": (Concern.ROWS, Concern.FEATURES),
    "features.steps": (Concern.FEATURES,),
    # Saves time, but does not change what is made.
    "features.cache_mb": _NONE,
    # A snapshot contains the columns of expectations.
    "validation": (Concern.ROWS,),
    "model.estimator": (Concern.FITTING,),
    "model.params": (Concern.FITTING,),
    "model.candidates": (Concern.SEARCH,),
    # How many trials, and how many at a time, decide how far a search gets, but not which search it is.
    "tuning.trials": _NONE,
    "tuning.minutes": _NONE,
    "tuning.parallel": _NONE,
    "tuning.when": _NONE,
    "tuning.sampler": (Concern.SEARCH,),
    "tuning.pruner": (Concern.SEARCH,),
    "tuning.seed": (Concern.SEARCH,),
    "tuning.metric": (Concern.SEARCH,),
    "tuning.second": (Concern.SEARCH,),
    "tuning.warm_start": (Concern.SEARCH,),
    "model.seed": (Concern.FITTING,),
    "model.refit": (Concern.FITTING,),
    "model.update": (Concern.FITTING,),
    # An interrupted fit goes on to the same model.
    "model.checkpoint_minutes": _NONE,
    "model.imbalance.class_weights": (Concern.FITTING,),
    "model.imbalance.resampling": (Concern.FITTING,),
    "model.imbalance.costs": (Concern.FITTING, Concern.JUDGING, Concern.SLICES, Concern.WATCHING),
    "model.imbalance.threshold": (Concern.FITTING,),
    "model.calibration": (Concern.FITTING,),
    # A column of weights is in the snapshot and in a check's rows, and may count in metrics.
    "model.weights": (Concern.ROWS, Concern.FITTING, Concern.JUDGING, Concern.SLICES, Concern.WATCHING),
    # A snapshot contains the column of the groups.
    "model.mitigation": (Concern.ROWS, Concern.FITTING),
    # The candidate is judged, and would serve, together with past champions.
    "model.ensemble": (Concern.JUDGING,),
    # Allows a model to be saved, but does not change it.
    "model.trusted_types": _NONE,
    # A snapshot contains the column of the groups.
    "cross_validation": (Concern.ROWS, Concern.FOLDS),
    # Training ends where the holdout begins.
    "evaluation.holdout": (Concern.FITTING, Concern.JUDGING),
    "evaluation.primary": (Concern.SEARCH, Concern.JUDGING, Concern.SLICES, Concern.WATCHING),
    "evaluation.gates": (Concern.JUDGING,),
    # A snapshot contains the columns of slices and of groups; a check compares slices with those of the champion's holdout.
    "evaluation.slices": (Concern.ROWS, Concern.JUDGING, Concern.SLICES, Concern.WATCHING),
    "evaluation.fairness": (Concern.ROWS, Concern.JUDGING),
    # Explains a candidate, but does not judge it.
    "evaluation.explain": _NONE,
    # A threshold is chosen by a metric.
    "evaluation.weighted": (Concern.SEARCH, Concern.FITTING, Concern.JUDGING, Concern.SLICES, Concern.WATCHING),
    "packages": (Concern.JUDGING,),
    "rehearsal": (Concern.JUDGING,),
    # What happens after a promotion does not change it.
    "publish": _NONE,
    "monitoring.schedule": _NONE,
    "monitoring.min_rows": (Concern.WATCHING,),
    "monitoring.lateness_days": (Concern.WATCHING,),
    "monitoring.drift.level": (Concern.WATCHING,),
    "monitoring.drift.effect_floor": (Concern.WATCHING,),
    "monitoring.drift.min_columns": (Concern.WATCHING,),
    "monitoring.drift.min_share": (Concern.WATCHING,),
    "monitoring.drift.exclude": (Concern.REFERENCE, Concern.WATCHING),
    "monitoring.drift.entity": (Concern.ROWS, Concern.REFERENCE, Concern.WATCHING),
    "monitoring.page_hinkley": (Concern.REFERENCE, Concern.WATCHING),
    "monitoring.performance": (Concern.WATCHING,),
    "monitoring.volume": (Concern.WATCHING,),
    "monitoring.require": (Concern.RETRAINING,),
    "retraining": (Concern.RETRAINING,),
}
"""Field, or section with all its fields -> the concerns whose result it can change."""


def recipe_concerns(spec: ModelSpec) -> tuple[Concern, ...]:
    """Return the concerns of a fitted model; the folds are among them if a fit learns from folds."""
    folds = spec.model.learns_from_folds or spec.model.stops_early
    return (Concern.FEATURES, Concern.FITTING, *([Concern.FOLDS] if folds else []))


def digest_of(spec: ModelSpec, *concerns: Concern) -> str:
    """Return the digest of all fields that belong to any of the concerns.

    Parameters
    ----------
    spec : ModelSpec
    *concerns : Concern
        At least one.

    Returns
    -------
    str
        Hexadecimal SHA-256. It does not depend on the YAML's layout, the order of fields, or which defaults are
        written.
    """
    return hashlib.sha256(json.dumps(_canonical(_chosen(spec, concerns))).encode()).hexdigest()


def fields_of(spec: ModelSpec, *concerns: Concern) -> dict[str, Any]:
    """Return all fields that belong to any of the concerns, nested as in a spec."""
    nested: dict[str, Any] = {}
    for path, value in _chosen(spec, concerns).items():
        *sections, field = path.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
        place[field] = value
    return nested


def _chosen(spec: ModelSpec, concerns: tuple[Concern, ...]) -> dict[str, Any]:
    content = spec.model_dump() | {"monitoring": spec.watch.model_dump(), "tuning": spec.search.model_dump()}
    return {path: _at(content, path) for path, belongs in CONCERNS.items() if set(belongs).intersection(concerns)}


def _at(content: Mapping[str, Any], path: str) -> Any:
    value: Any = content
    for name in path.split("."):
        value = value[name]
    return value


def _canonical(value: object) -> object:
    # Keys of different types must differ (a class weight for 0 and for "0"), but keys in JSON are always text.
    if isinstance(value, dict):
        return {"mapping": sorted([repr(key), _canonical(item)] for key, item in value.items())}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return value if isinstance(value, str | int | float | None) else {"date": repr(value)}
