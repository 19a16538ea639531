"""How much each training row counts, and what is done about labels that are rare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from perennial.spec.patterns import CLASS_PATH
from perennial.spec.section import (
    A_WORD,
    Days,
    Number,
    Section,
    Text,
    a_second_or_more,
    refuse,
)


class Weights(Section):
    """How much each row counts in the fit: exactly one of the two."""

    column: Text | None = None
    """A column of the source with the weight of each row: 0 or more."""
    half_life_days: Days | None = Field(default=None, gt=0)
    """A row this many days older than the newest training row counts half as much."""

    _days = field_validator("half_life_days")(a_second_or_more)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.column is None) == (self.half_life_days is None):
            raise ValueError(
                "give exactly one of column (weights of your own) or half_life_days (newer rows count more)"
            )
        return self


def _plain_label(label: object) -> object:
    if isinstance(label, bool):
        raise ValueError(f"YAML reads this as {str(label).lower()}: quote a label that is text; a true label is 1")
    return label


Label = Annotated[int | str, BeforeValidator(_plain_label)]


class ClassWeight(Section):
    """How much each row with a label counts in the fit."""

    label: Label
    """A label of the target."""
    weight: Number = Field(gt=0)
    """The factor of its rows' weights."""


ClassWeights = Annotated[
    Annotated[Literal["balanced"], A_WORD] | Annotated[tuple[ClassWeight, ...], Tag("[list]")],
    Discriminator(lambda given: "[word]" if isinstance(given, str) else "[list]"),
]


class Resampling(Section):
    """A sampler of imbalanced-learn, named by import path. Only rows that a model is fitted on are resampled."""

    sampler: str = Field(pattern=CLASS_PATH)
    """Import path of the class, such as `imblearn.over_sampling.SMOTENC`."""
    params: dict[str, Any] = {}
    """Arguments of its constructor. SMOTENC's `categorical_features` are found from the preparation."""

    @field_validator("params")
    @classmethod
    def _found_elsewhere(cls, params: dict[str, Any]) -> dict[str, Any]:
        if "random_state" in params:
            raise ValueError("random_state is set by model.seed")
        if "categorical_features" in params:
            raise ValueError("categorical_features are found from the preparation: leave them out")
        return params


class Costs(Section):
    """What a prediction costs, for each true and each predicted label."""

    labels: tuple[Label, ...] = Field(min_length=2)
    """All labels of the target, in the order of the matrix."""
    matrix: tuple[tuple[Annotated[Number, Field(ge=0)], ...], ...]
    """A row for each true label, with the cost of each predicted one: `[[0, 1], [20, 0]]` if a missed 1 costs 20."""

    @model_validator(mode="after")
    def _one_cost_for_each_pair(self) -> Self:
        size = len(self.labels)
        if len(set(self.labels)) < size:
            refuse((("labels",), "a label occurs twice"))
        if [len(row) for row in self.matrix] != [size] * size:
            refuse((("matrix",), f"{size} labels need {size} rows of {size} costs: true labels down, predicted across"))
        return self


class Imbalance(Section):
    """What is done about labels that are rare, or whose confusion is costly."""

    class_weights: ClassWeights | None = None
    """`balanced`: each label counts the same in the fit, whatever its number of rows; or a weight for each label."""
    resampling: Resampling | None = None
    """None: the model is fitted on the rows as they are."""
    costs: Costs | None = None
    """Gives the metric `expected_cost`: the mean cost of the predictions."""
    threshold: Literal["accuracy", "balanced_accuracy", "f1", "expected_cost"] | None = None
    """The metric for which the probability from which the positive label is predicted is chosen, on predictions for
    training rows by models of the other folds. None: the estimator's own, which is 0.5."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        complaints = list(self._contradictions())
        if complaints:
            refuse(*complaints)
        return self

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        if self.class_weights is not None and self.resampling is not None:
            yield ("class_weights",), "both balance the labels: set either class_weights or resampling"
        if self.threshold == "expected_cost" and self.costs is None:
            yield ("threshold",), "there are no costs: set costs"
        if self.threshold is not None and self.costs is not None and len(self.costs.labels) > 2:
            yield ("threshold",), f"is for two labels, and costs name {len(self.costs.labels)}"
