"""The parts of a model's spec, and what follows from them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from perennial.spec.alerts import Alerts
from perennial.spec.approval import Approval
from perennial.spec.auto_rollback import AutoRollback
from perennial.spec.cross_validation import CrossValidationSection
from perennial.spec.evaluation import EvaluationSection
from perennial.spec.features import Features, Target
from perennial.spec.model import Model
from perennial.spec.monitoring import Monitoring, Retraining
from perennial.spec.packages import PackageKind, Publish, RehearsalGates
from perennial.spec.patterns import NAME, REGION
from perennial.spec.resources import Resources
from perennial.spec.schedule import Schedule
from perennial.spec.section import Section, Text, no_repeats
from perennial.spec.source import SourceSection
from perennial.spec.tuning import Tuning
from perennial.spec.validation import Expectation


class Sections(Section):
    """All parts of the spec of one model."""

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
    def source_columns(self) -> tuple[str, ...]:
        """The columns of the source that are read for the model itself: keys and the training columns."""
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
            dict.fromkeys((*self.source_columns, *expected, *([entity] if entity else []), *self.evaluation.read))
        )
