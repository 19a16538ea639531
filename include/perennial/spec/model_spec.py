"""The whole of a model's YAML file."""

from __future__ import annotations

import hashlib
from typing import Literal, Self

from pydantic import Field, model_validator

from perennial.spec.evaluation import Evaluation
from perennial.spec.features import Features, Target
from perennial.spec.metrics import CLASSIFICATION, REGRESSION
from perennial.spec.model import Model
from perennial.spec.monitoring import Monitoring, Retraining
from perennial.spec.part import Part
from perennial.spec.schedule import Schedule
from perennial.spec.source import Source
from perennial.spec.validation import Expectation


class ModelSpec(Part):
    """One model: its data, its estimator, how it is judged and when it is retrained."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=200)
    """Names the DAGs (`<name>.retrain`), the registered model and the folder in the store."""
    description: str = ""
    """What the model predicts and for whom; shown in Airflow."""
    owner: str = "perennial"
    """Shown in Airflow."""
    task: Literal["classification", "regression"]
    """Classification may be binary or of many classes; the labels tell."""
    source: Source
    target: Target
    features: Features
    validation: tuple[Expectation, ...] = ()
    """Expectations that the snapshot must meet; a failure ends the run and changes nothing."""
    model: Model
    evaluation: Evaluation
    schedule: Schedule | None = None
    """None: retrained only when triggered."""
    monitoring: Monitoring | None = None
    """None: no sensor DAG."""
    retraining: Retraining = Retraining()
    """What the governor lets through when the sensor DAG finds drift."""
    tags: tuple[str, ...] = ()
    """Airflow tags of the DAGs."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        metrics = CLASSIFICATION if self.task == "classification" else REGRESSION
        foreign = [name for name in self.evaluation.all_metrics if name not in metrics]
        if foreign:
            raise ValueError(f"{', '.join(foreign)}: no metric of {self.task}; choose from {', '.join(metrics)}")
        if self.target.column in self.features.columns + self.features.inputs:
            raise ValueError(f"the target {self.target.column!r} is among the features: the model would see the answer")
        if self.target.positive is not None and self.task == "regression":
            raise ValueError("target.positive is for classification")
        self._check_windows()
        return self

    def _check_windows(self) -> None:
        window, holdout = self.source.window, self.evaluation.holdout
        taken = (holdout.days or 0) + self.target.label_delay_days
        if window.days is not None and taken >= window.days:
            raise ValueError(
                f"nothing is left to train on: the window has {window.days:g} days, "
                f"holdout and label delay take {taken:g}"
            )
        if window.rows is not None and holdout.rows is not None and holdout.rows >= window.rows:
            raise ValueError(
                f"nothing is left to train on: the window has {window.rows} rows, the holdout {holdout.rows}"
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """Every source column that a snapshot holds: event time, key, target, model inputs, expectations' columns."""
        expected = [
            value for item in self.validation for name, value in item.kwargs.items() if name.startswith("column")
        ]
        flat = [c for value in expected for c in (value if isinstance(value, list) else [value]) if isinstance(c, str)]
        wanted = (self.source.event_time, *self.source.key, self.target.column, *self.features.input_columns)
        return tuple(dict.fromkeys((*wanted, *(c for c in flat if c not in self.features.columns))))

    def digest(self) -> str:
        """Hexadecimal SHA-256 of the spec's content, whatever the YAML's layout."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
