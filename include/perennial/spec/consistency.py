"""Finds parts of a spec that are right by themselves and do not go together."""

from __future__ import annotations

import math
from collections.abc import Iterator

from perennial.spec.feature_names import is_like
from perennial.spec.features import STATISTICS
from perennial.spec.imbalance import Imbalance
from perennial.spec.metrics import CLASSIFICATION, EXPECTED_COST, REGRESSION
from perennial.spec.monitoring import Retraining
from perennial.spec.packages import RehearsalGates
from perennial.spec.sections import Sections

Complaint = tuple[tuple[str | int, ...], str]


def inconsistencies(spec: Sections) -> Iterator[Complaint]:
    """Yield the path of each field that does not go with others, and why."""
    yield from _foreign_metrics(spec)
    yield from _target_misused(spec)
    yield from _weights_misused(spec)
    yield from _labels_needed(spec)
    yield from _groups_misused(spec)
    yield from _rates_without_a_label(spec)
    yield from _several_windows(spec)
    yield from _nothing_to_train_on(spec)
    yield from _impossible_folds(spec)
    yield from _never_promoted(spec)
    yield from _made_later(spec)
    yield from _never_fires(spec)
    yield from _never_taken_back(spec)
    yield from _foreign_region(spec)
    yield from _unsearchable(spec)
    yield from _not_packaged(spec)


def _foreign_metrics(spec: Sections) -> Iterator[Complaint]:
    metrics: tuple[str, ...] = CLASSIFICATION if spec.task == "classification" else REGRESSION
    if spec.model.imbalance.costs is not None:
        metrics += (EXPECTED_COST,)
    performance = spec.monitoring.performance if spec.monitoring else None
    floors = performance.metric_paths() if performance else ()
    named = [(("evaluation", *path), name) for path, name in spec.evaluation.metric_paths()]
    if spec.tuning and spec.tuning.metric:
        named.append((("tuning", "metric"), spec.tuning.metric))
    for path, name in [*named, *((("monitoring", "performance", *path), name) for path, name in floors)]:
        if name == EXPECTED_COST and name not in metrics:
            yield path, "there are no costs: set model.imbalance.costs"
        elif name not in metrics:
            yield path, f"{name!r} is not a metric of {spec.task}; choose from {', '.join(metrics)}"


def _target_misused(spec: Sections) -> Iterator[Complaint]:
    target, source = spec.target.column, spec.source
    for part in (*spec.features.kinds, "inputs"):
        if target in getattr(spec.features, part):
            yield ("features", part), f"the target {target!r} is among the features: the model would see the answer"
    if target == source.event_time or target in source.key:
        yield ("target", "column"), f"{target!r} is the event time or a key of the source: it cannot be predicted"
    if spec.target.positive is not None and spec.task == "regression":
        yield ("target", "positive"), "is for classification only"
    if spec.folds.group == target:
        yield ("cross_validation", "group"), f"{target!r} is the target: no class would be in two folds"
    if spec.folds.kind.startswith("stratified") and spec.task == "regression":
        yield ("cross_validation", "kind"), f"{spec.folds.kind!r} is for classification only"


def _weights_misused(spec: Sections) -> Iterator[Complaint]:
    column = spec.weight_column
    if column in (spec.target.column, spec.source.event_time, *spec.source.key, *spec.features.categorical):
        yield (
            ("model", "weights", "column"),
            f"{column!r} is the target, the event time, a key or a categorical feature: name a column of numbers",
        )
    if spec.evaluation.weighted and column is None:
        yield (
            ("evaluation", "weighted"),
            "there is no column of weights to count by: set model.weights.column, or leave this out",
        )


def _labels_needed(spec: Sections) -> Iterator[Complaint]:
    model = spec.model
    if spec.task == "regression":
        given = [f"imbalance.{name}" for name in Imbalance.model_fields if getattr(model.imbalance, name) is not None]
        given += [name for name in ("calibration", "mitigation") if getattr(model, name)]
        for path in given:
            yield ("model", *path.split(".")), "is for classification only"
    if model.imbalance.resampling is not None and model.weights is not None:
        yield (
            ("model", "imbalance", "resampling"),
            "rows that a sampler makes have no weight: set either model.weights or resampling",
        )


def _groups_misused(spec: Sections) -> Iterator[Complaint]:
    column = spec.mitigated_column
    if column in (spec.target.column, spec.source.event_time):
        message = f"{column!r} is the target or the event time: name a column of groups"
        yield ("model", "mitigation", "column"), message


def _rates_without_a_label(spec: Sections) -> Iterator[Complaint]:
    if spec.task == "regression" and spec.evaluation.fairness:
        for name in spec.evaluation.fairness.maximum:
            if name != "error":
                yield ("evaluation", "fairness", "maximum", name), "is for classification only: use 'error'"


def _several_windows(spec: Sections) -> Iterator[Complaint]:
    windows, ensemble = len(spec.source.windows), spec.model.ensemble
    if windows == 1:
        return
    if ensemble is None:
        yield (
            ("source", "window"),
            "each window of a list gives a model, and several serve only as an ensemble: set model.ensemble, or "
            "give one window",
        )
    elif ensemble.members < windows:
        yield (
            ("model", "ensemble", "members"),
            f"{ensemble.members} models cannot serve if each retraining makes {windows}, one for each window: raise "
            "it, or give fewer windows",
        )


def _nothing_to_train_on(spec: Sections) -> Iterator[Complaint]:
    holdout = spec.evaluation.holdout
    taken = (holdout.days or 0) + spec.target.label_delay_days
    for index, window in enumerate(spec.source.windows):
        place = ("source", "window", *((index,) if len(spec.source.windows) > 1 else ()))
        if window.days is not None and taken >= window.days:
            yield (
                (*place, "days"),
                f"nothing is left to train on: the window has {window.days:g} days, holdout and label delay take "
                f"{taken:g}",
            )
        if window.rows is not None and holdout.rows is not None and holdout.rows >= window.rows:
            yield (
                (*place, "rows"),
                f"nothing is left to train on: the window has {window.rows} rows, the holdout {holdout.rows}",
            )


def _impossible_folds(spec: Sections) -> Iterator[Complaint]:
    if spec.folds.kind == "leave_one_out" and spec.model.learns_from_folds:
        yield (
            ("cross_validation", "kind"),
            "'leave_one_out' fits a model for each row, and calibration and threshold would do that again for each of "
            "them: take another kind",
        )
    if spec.cross_validation is None or spec.folds.kind != "time":
        return
    delay, days = spec.target.label_delay_days, [window.days for window in spec.source.windows]
    trained = min((each for each in days if each is not None), default=math.inf)
    trained -= (spec.evaluation.holdout.days or 0) + delay
    if spec.folds.days_around_tests + delay >= trained:
        yield (
            ("cross_validation",),
            f"no time is left to test: the training rows have at most {trained:g} days, and label delay, embargo and "
            f"train_days take {spec.folds.days_around_tests + delay:g} of them",
        )


def _never_promoted(spec: Sections) -> Iterator[Complaint]:
    holdout, needed = spec.evaluation.holdout, spec.evaluation.gates.min_rows
    sizes = [window.rows for window in spec.source.windows if window.rows is not None]
    if sizes and holdout.fraction is not None:
        rows = round(min(sizes) * holdout.fraction)
        if rows < needed:
            yield (
                ("evaluation", "holdout", "fraction"),
                f"{holdout.fraction:g} of the window's {min(sizes)} rows are {rows}, which never passes the gate "
                f"min_rows: it needs {needed}. Widen source.window, hold out more or lower gates.min_rows",
            )


def _made_later(spec: Sections) -> Iterator[Complaint]:
    made = set(spec.features.columns) - set(spec.source_columns)
    for index, item in enumerate(spec.validation):
        for argument, columns in {**item.columns, "row_condition": item.condition_columns}.items():
            for column in sorted(made.intersection(columns)):
                yield (
                    ("validation", index, "kwargs", argument),
                    f"{column!r} is made by features.transform, after validation: use expectations about its inputs",
                )


def _never_fires(spec: Sections) -> Iterator[Complaint]:
    monitoring = spec.monitoring
    if monitoring is None:
        return
    features = set(spec.features.columns)
    for index, name in enumerate(monitoring.drift.exclude):
        if name not in features and not any(is_like(name, one) for one in spec.features.patterns):
            message = f"{name!r} is not a feature, so it leaves nothing out"
            yield ("monitoring", "drift", "exclude", index), message
    watched = {kind: len(set(names) - set(monitoring.drift.exclude)) for kind, names in spec.features.kinds.items()}
    numbers = (count * len(STATISTICS.get(kind, ("",))) for kind, count in watched.items() if kind != "categorical")
    tested = [sum(numbers), watched["categorical"]]
    least = monitoring.drift.min_columns
    if least and least > max(tested) and not spec.features.patterns:
        yield (
            ("monitoring", "drift", "min_columns"),
            f"so many can never drift: ks tests {tested[0]} columns, categorical {tested[1]}",
        )
    # The default names all tests that may trigger, even if some are off.
    if spec.retraining.triggers == Retraining().triggers:
        return
    for index, test in enumerate(spec.retraining.triggers):
        if test in ("page_hinkley", "volume") and getattr(monitoring, test) is None:
            yield ("retraining", "triggers", index), f"{test!r} never fires: monitoring.{test} is not set"


def _never_taken_back(spec: Sections) -> Iterator[Complaint]:
    if spec.auto_rollback and not (spec.monitoring and spec.monitoring.performance):
        yield ("auto_rollback",), "there is no floor to fall under: name one under monitoring.performance"


def _foreign_region(spec: Sections) -> Iterator[Complaint]:
    for index, tag in enumerate(spec.tags):
        # The API server finds the store of the reports by this tag.
        if tag.startswith("region:"):
            yield ("tags", index), f"{tag!r} is a tag that the DAGs get from the field region: set that field"


def _unsearchable(spec: Sections) -> Iterator[Complaint]:
    candidates, tuning = spec.model.candidates, spec.search
    if spec.tuning and not candidates:
        yield ("tuning",), "there is nothing to search: name model.candidates in place of model.estimator"
    conditional = any(one.when for candidate in candidates for one in candidate.search.values())
    if tuning.sampler in ("gp", "cmaes", "nsga2") and (len(candidates) > 1 or conditional):
        message = f"{tuning.sampler} searches one candidate without conditions: choose tpe, random or grid"
        yield ("tuning", "sampler"), message
    for index, candidate in enumerate(candidates):
        for name, one in candidate.search.items():
            place = ("model", "candidates", index, "search", name)
            if tuning.sampler == "cmaes" and one.choices:
                yield place, "cmaes searches numbers only: choose another sampler"
            if tuning.sampler == "grid" and not one.choices and not one.is_whole and one.step is None:
                yield place, "a grid needs choices, whole numbers or a step"


def _not_packaged(spec: Sections) -> Iterator[Complaint]:
    if spec.rehearsal != RehearsalGates() and not spec.packages:
        yield ("rehearsal",), "there is nothing to rehearse: name packages, or leave this out"
    if "wheel" in spec.packages:
        return
    if "container" in spec.packages:
        yield ("packages",), "a container serves the model's wheel: name 'wheel' as well"
    if spec.publish is not None:
        yield ("publish",), "there is no wheel to publish: name 'wheel' among the packages"
