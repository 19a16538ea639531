"""The complete spec of a model, from its YAML file."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.alerts import Alerts
from perennial.spec.approval import Approval
from perennial.spec.auto_rollback import AutoRollback
from perennial.spec.cross_validation import CrossValidationSection
from perennial.spec.evaluation import EvaluationSection
from perennial.spec.feature_names import Kinds, is_like, named, unclear_patterns
from perennial.spec.features import STATISTICS, Features, Target
from perennial.spec.imbalance import Imbalance
from perennial.spec.metrics import CLASSIFICATION, EXPECTED_COST, REGRESSION
from perennial.spec.model import Model
from perennial.spec.monitoring import Monitoring, Retraining
from perennial.spec.packages import PackageKind, Publish, RehearsalGates
from perennial.spec.patterns import NAME, REGION
from perennial.spec.resources import Resources
from perennial.spec.schedule import Schedule
from perennial.spec.section import Section, Text, no_repeats, refuse
from perennial.spec.source import SourceSection
from perennial.spec.tuning import Tuning
from perennial.spec.validation import Expectation

Complaint = tuple[tuple[str | int, ...], str]


class _Sections(Section):
    features: Features


class ModelSpec(Section):
    """One model: its data, its estimator, how it is judged and when it is retrained."""

    name: str = Field(pattern=NAME, max_length=200)
    """Names the DAGs (`<name>.retrain`), the registered model and the folder in the store."""
    description: str = ""
    """What the model predicts and for whom; shown in Airflow."""
    owner: str = Field(default="perennial", max_length=250)
    """Shown in Airflow."""
    task: Literal["classification", "regression"]
    """Classification may have two or more classes, as in the labels."""
    source: SourceSection
    target: Target
    features: Features
    validation: tuple[Expectation, ...] = ()
    """Expectations that the snapshot must meet; a failure ends the run and changes nothing."""
    model: Model
    cross_validation: CrossValidationSection | None = None
    """None: a training is not cross-validated."""
    tuning: Tuning | None = None
    """How the best of `model.candidates` is searched for; None: by default, if there are candidates."""
    evaluation: EvaluationSection
    packages: tuple[PackageKind, ...] = ()
    """What a candidate is packaged as before it is promoted; empty: nothing."""
    rehearsal: RehearsalGates = RehearsalGates()
    """What each package must reach."""
    publish: Publish | None = None
    """None: wheels are not sent to a package index."""
    schedule: Schedule | None = None
    """None: retrained only when triggered."""
    monitoring: Monitoring | None = None
    """None: no monitoring DAG."""
    retraining: Retraining = Retraining()
    """Limits of retrainings that are triggered by drift."""
    approval: Approval = Approval()
    """Which candidates a person decides on."""
    auto_rollback: AutoRollback | None = None
    """None: only people roll back."""
    resources: Resources = Resources()
    """Where the tasks run."""
    region: str | None = Field(default=None, pattern=REGION, max_length=50)
    """Region that the rows may not leave: its own store, data folder and queue."""
    alerts: Alerts | None = None
    """None: no messages are sent."""
    tags: tuple[Annotated[Text, Field(max_length=100)], ...] = ()
    """Airflow tags of the DAGs."""

    _packages = field_validator("packages")(no_repeats)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        complaints = [
            *self._foreign_metrics(),
            *self._target_misused(),
            *self._weights_misused(),
            *self._labels_needed(),
            *self._groups_misused(),
            *self._rates_without_a_label(),
            *self._several_windows(),
            *self._nothing_to_train_on(),
            *self._impossible_folds(),
            *self._never_promoted(),
            *self._made_later(),
            *self._never_fires(),
            *self._never_taken_back(),
            *self._foreign_region(),
            *self._unsearchable(),
            *self._not_packaged(),
        ]
        if complaints:
            refuse(*complaints)
        return self

    def _foreign_metrics(self) -> Iterator[Complaint]:
        metrics: tuple[str, ...] = CLASSIFICATION if self.task == "classification" else REGRESSION
        if self.model.imbalance.costs is not None:
            metrics += (EXPECTED_COST,)
        performance = self.monitoring.performance if self.monitoring else None
        floors = performance.metric_paths() if performance else ()
        named = [(("evaluation", *path), name) for path, name in self.evaluation.metric_paths()]
        if self.tuning and self.tuning.metric:
            named.append((("tuning", "metric"), self.tuning.metric))
        for path, name in [*named, *((("monitoring", "performance", *path), name) for path, name in floors)]:
            if name == EXPECTED_COST and name not in metrics:
                yield path, "there are no costs: set model.imbalance.costs"
            elif name not in metrics:
                yield path, f"{name!r} is not a metric of {self.task}; choose from {', '.join(metrics)}"

    def _target_misused(self) -> Iterator[Complaint]:
        target, source = self.target.column, self.source
        for part in (*self.features.kinds, "inputs"):
            if target in getattr(self.features, part):
                yield ("features", part), f"the target {target!r} is among the features: the model would see the answer"
        if target == source.event_time or target in source.key:
            yield ("target", "column"), f"{target!r} is the event time or a key of the source: it cannot be predicted"
        if self.target.positive is not None and self.task == "regression":
            yield ("target", "positive"), "is for classification only"
        if self.folds.group == target:
            yield ("cross_validation", "group"), f"{target!r} is the target: no class would be in two folds"
        if self.folds.kind.startswith("stratified") and self.task == "regression":
            yield ("cross_validation", "kind"), f"{self.folds.kind!r} is for classification only"

    def _weights_misused(self) -> Iterator[Complaint]:
        column = self.weight_column
        if column in (self.target.column, self.source.event_time, *self.source.key, *self.features.categorical):
            yield (
                ("model", "weights", "column"),
                f"{column!r} is the target, the event time, a key or a categorical feature: name a column of numbers",
            )
        if self.evaluation.weighted and column is None:
            yield (
                ("evaluation", "weighted"),
                "there is no column of weights to count by: set model.weights.column, or leave this out",
            )

    def _labels_needed(self) -> Iterator[Complaint]:
        model = self.model
        if self.task == "regression":
            given = [
                f"imbalance.{name}" for name in Imbalance.model_fields if getattr(model.imbalance, name) is not None
            ]
            given += [name for name in ("calibration", "mitigation") if getattr(model, name)]
            for path in given:
                yield ("model", *path.split(".")), "is for classification only"
        if model.imbalance.resampling is not None and model.weights is not None:
            yield (
                ("model", "imbalance", "resampling"),
                "rows that a sampler makes have no weight: set either model.weights or resampling",
            )

    def _groups_misused(self) -> Iterator[Complaint]:
        column = self.mitigated_column
        if column in (self.target.column, self.source.event_time, *self.source.key):
            yield (
                ("model", "mitigation", "column"),
                f"{column!r} is the target, the event time or a key: name a column of groups",
            )

    def _rates_without_a_label(self) -> Iterator[Complaint]:
        if self.task == "regression" and self.evaluation.fairness:
            for name in self.evaluation.fairness.maximum:
                if name != "error":
                    yield ("evaluation", "fairness", "maximum", name), "is for classification only: use 'error'"

    def _several_windows(self) -> Iterator[Complaint]:
        windows, ensemble = len(self.source.windows), self.model.ensemble
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

    def _nothing_to_train_on(self) -> Iterator[Complaint]:
        holdout = self.evaluation.holdout
        taken = (holdout.days or 0) + self.target.label_delay_days
        for index, window in enumerate(self.source.windows):
            place = ("source", "window", *((index,) if len(self.source.windows) > 1 else ()))
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

    def _impossible_folds(self) -> Iterator[Complaint]:
        if self.folds.kind == "leave_one_out" and self.model.learns_from_folds:
            yield (
                ("cross_validation", "kind"),
                "'leave_one_out' fits a model for each row, and calibration and threshold would do that again for each of "
                "them: take another kind",
            )
        if self.cross_validation is None or self.folds.kind != "time":
            return
        delay, days = self.target.label_delay_days, [window.days for window in self.source.windows]
        trained = min((each for each in days if each is not None), default=math.inf)
        trained -= (self.evaluation.holdout.days or 0) + delay
        if self.folds.days_around_tests + delay >= trained:
            yield (
                ("cross_validation",),
                f"no time is left to test: the training rows have at most {trained:g} days, and label delay, embargo and "
                f"train_days take {self.folds.days_around_tests + delay:g} of them",
            )

    def _never_promoted(self) -> Iterator[Complaint]:
        holdout, needed = self.evaluation.holdout, self.evaluation.gates.min_rows
        sizes = [window.rows for window in self.source.windows if window.rows is not None]
        if sizes and holdout.fraction is not None:
            rows = round(min(sizes) * holdout.fraction)
            if rows < needed:
                yield (
                    ("evaluation", "holdout", "fraction"),
                    f"{holdout.fraction:g} of the window's {min(sizes)} rows are {rows}, which never passes the gate "
                    f"min_rows: it needs {needed}. Widen source.window, hold out more or lower gates.min_rows",
                )

    def _made_later(self) -> Iterator[Complaint]:
        made = set(self.features.columns) - set(self._source_columns)
        for index, item in enumerate(self.validation):
            for argument, columns in {**item.columns, "row_condition": item.condition_columns}.items():
                for column in sorted(made.intersection(columns)):
                    yield (
                        ("validation", index, "kwargs", argument),
                        f"{column!r} is made by features.transform, after validation: use expectations about its "
                        "inputs",
                    )

    def _never_fires(self) -> Iterator[Complaint]:
        monitoring = self.monitoring
        if monitoring is None:
            return
        features = set(self.features.columns)
        for index, name in enumerate(monitoring.drift.exclude):
            if name not in features and not any(is_like(name, one) for one in self.features.patterns):
                message = f"{name!r} is not a feature, so it leaves nothing out"
                yield ("monitoring", "drift", "exclude", index), message
        watched = {kind: len(set(names) - set(monitoring.drift.exclude)) for kind, names in self.features.kinds.items()}
        numbers = (count * len(STATISTICS.get(kind, ("",))) for kind, count in watched.items() if kind != "categorical")
        tested = [sum(numbers), watched["categorical"]]
        least = monitoring.drift.min_columns
        if least and least > max(tested) and not self.features.patterns:
            yield (
                ("monitoring", "drift", "min_columns"),
                f"so many can never drift: ks tests {tested[0]} columns, categorical {tested[1]}",
            )
        # The default names all tests that may trigger, even if some are off.
        if self.retraining.triggers == Retraining().triggers:
            return
        for index, test in enumerate(self.retraining.triggers):
            if test in ("page_hinkley", "volume") and getattr(monitoring, test) is None:
                yield ("retraining", "triggers", index), f"{test!r} never fires: monitoring.{test} is not set"

    def _never_taken_back(self) -> Iterator[Complaint]:
        if self.auto_rollback and not (self.monitoring and self.monitoring.performance):
            yield ("auto_rollback",), "there is no floor to fall under: name one under monitoring.performance"

    def _foreign_region(self) -> Iterator[Complaint]:
        for index, tag in enumerate(self.tags):
            # The API server finds the store of the reports by this tag.
            if tag.startswith("region:"):
                yield ("tags", index), f"{tag!r} is a tag that the DAGs get from the field region: set that field"

    def _unsearchable(self) -> Iterator[Complaint]:
        candidates, tuning = self.model.candidates, self.search
        if self.tuning and not candidates:
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

    def _not_packaged(self) -> Iterator[Complaint]:
        if self.rehearsal != RehearsalGates() and not self.packages:
            yield ("rehearsal",), "there is nothing to rehearse: name packages, or leave this out"
        if "wheel" in self.packages:
            return
        if "container" in self.packages:
            yield ("packages",), "a container serves the model's wheel: name 'wheel' as well"
        if self.publish is not None:
            yield ("publish",), "there is no wheel to publish: name 'wheel' among the packages"

    @property
    def tunes(self) -> bool:
        """Whether a search chooses the estimator."""
        return bool(self.model.candidates)

    @property
    def search(self) -> Tuning:
        """Settings of the search: `tuning`, or the defaults."""
        return self.tuning or Tuning()

    @property
    def searched_metric(self) -> str:
        """The metric that a search is for."""
        return self.search.metric or self.evaluation.primary

    def with_choice(self, estimator: str, params: dict[str, Any]) -> Self:
        """Return the spec in which this estimator is fixed, in place of the candidates and their search."""
        model = self.model.model_copy(update={"estimator": estimator, "params": params, "candidates": ()})
        return self.model_copy(update={"model": model, "tuning": None})

    def with_columns(self, columns: Iterable[str]) -> Self:
        """Return the spec in which patterns among the features are replaced by columns of the source.

        A column that is not a feature by another role is not taken: event time, key, target, `known_time`, weights,
        group of folds, entity of drift tests, groups that a fit makes alike.

        Parameters
        ----------
        columns : iterable of str
            The columns of the source.

        Raises
        ------
        pydantic.ValidationError
            A pattern matches no column, or one of another kind; or the steps are wrong with these features.
        """
        free = sorted(set(columns).difference(self._other_roles))
        kinds = self.features.kinds
        complaints = [(("features", *path), message) for path, message in unclear_patterns(kinds, free)]
        if complaints:
            refuse(*complaints)
        return self._checked(named(kinds, free))

    def without_features(self, names: Collection[str]) -> Self:
        """Return the spec without some of its features.

        Raises
        ------
        pydantic.ValidationError
            No feature is left, or the steps are wrong with these features.
        """
        kinds = self.features.kinds
        return self._checked({kind: tuple(name for name in kinds[kind] if name not in names) for kind in kinds})

    def _checked(self, kinds: Kinds) -> Self:
        # Only the section itself: what drift tests leave out, for example, need not be there each time.
        given = {name: getattr(self.features, name) for name in self.features.model_fields_set}
        _Sections.model_validate({"features": given | dict(kinds)})
        return self.with_features(kinds)

    def with_features(self, kinds: Kinds) -> Self:
        """Return the spec with these features, as they were named before."""
        return self.model_copy(update={"features": self.features.model_copy(update=dict[str, Any](kinds.items()))})

    @property
    def watch(self) -> Monitoring:
        """Settings of monitoring: `monitoring`, or the defaults if a model without it is monitored by command."""
        return self.monitoring or Monitoring()

    @property
    def folds(self) -> CrossValidationSection:
        """Settings of cross-validation: `cross_validation`, or the defaults if settings are compared without it."""
        return self.cross_validation or CrossValidationSection()

    @property
    def weight_column(self) -> str | None:
        """The column with the weights of the rows; None: there is none."""
        return self.model.weights.column if self.model.weights else None

    @property
    def mitigated_column(self) -> str | None:
        """The column of the groups that a fit makes alike; None: there is none."""
        return self.model.mitigation.column if self.model.mitigation else None

    @property
    def training_columns(self) -> tuple[str, ...]:
        """The columns that a model is fitted from: event time, target, inputs, weights, groups of folds and of people."""
        more = [column for column in (self.weight_column, self.folds.group, self.mitigated_column) if column]
        return tuple(dict.fromkeys((self.source.event_time, self.target.column, *self.features.input_columns, *more)))

    @property
    def served_code(self) -> tuple[str, ...]:
        """Import paths of what the served model is made of: estimator and transformers."""
        return (self.model.estimator, *(step.transformer for step in self.features.steps))

    @property
    def fitting_code(self) -> tuple[str, ...]:
        """Import paths of what the model is fitted with: those that serve, the sampler, and what makes groups alike."""
        sampler = self.model.imbalance.resampling
        fairlearn = self.model.is_reduced or self.model.has_group_thresholds
        return (*self.served_code, *([sampler.sampler] if sampler else []), *(["fairlearn"] if fairlearn else []))

    @property
    def may_be_gone(self) -> tuple[str, ...]:
        """Features that are taken as missing where the source lacks them: none, unless `source.changes.gone` says so.

        The inputs of a transform are not among them: whether it can do without one is not known.
        """
        if self.source.changes.gone != "impute" or self.features.transform is not None:
            return ()
        return tuple(name for name in self.features.columns if name not in self._other_roles)

    @property
    def _other_roles(self) -> tuple[str, ...]:
        source, entity = self.source, self.watch.drift.entity
        more = (source.known_time, self.weight_column, self.folds.group, entity, self.mitigated_column)
        return (source.event_time, *source.key, self.target.column, *filter(None, more))

    @property
    def _source_columns(self) -> tuple[str, ...]:
        return (self.source.event_time, *self.source.key, *self.training_columns[1:])

    @property
    def columns(self) -> tuple[str, ...]:
        """Every source column that a snapshot holds.

        Event time, key, target, model inputs, weights, groups of folds and of people, columns of expectations, entity of
        drift tests, columns of slices and sensitive ones.
        """
        named = (column for item in self.validation for columns in item.columns.values() for column in columns)
        expected = (*named, *(column for item in self.validation for column in item.condition_columns))
        entity = self.monitoring.drift.entity if self.monitoring else None
        return tuple(
            dict.fromkeys((*self._source_columns, *expected, *([entity] if entity else []), *self.evaluation.read))
        )
