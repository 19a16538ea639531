"""What is predicted, and from what."""

from __future__ import annotations

from itertools import combinations
from typing import Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.feature_names import FeatureKind, is_pattern
from perennial.spec.patterns import FUNCTION_PATH
from perennial.spec.section import Days, Section, Text, no_repeats, refuse
from perennial.spec.steps import Step, taken_features, wrong_steps

STATISTICS: dict[str, tuple[str, ...]] = {
    "text": ("length", "words", "digits", "letters"),
    "datetime": ("hour", "weekday"),
}
"""Numbers that drift tests compare instead of the feature itself, by kind."""


class Target(Section):
    """The column to predict."""

    column: Text
    """Labels (classification: whole numbers, true/false or text) or numbers (regression).

    Rows without a value are not used.
    """
    positive: int | str | None = None
    """Binary classification: the positive label. Default 1; required if the labels are text."""
    label_delay_days: Days = Field(default=0.0, ge=0)
    """Days after the event until its label is known. Training rows end this long before the holdout begins."""

    @field_validator("positive", mode="before")
    @classmethod
    def _label(cls, positive: object) -> object:
        if isinstance(positive, bool):
            raise ValueError(
                f"YAML reads this as {str(positive).lower()}: quote a label that is text; a true label is 1"
            )
        if positive is not None and not isinstance(positive, int | str):
            raise ValueError(f"give a whole number or text, not {positive!r}")
        return positive


class Features(Section):
    """The model's inputs.

    In the lists of features, `temp_*` stands for the columns of the source that are like it, and `*` for all others.
    """

    numeric: tuple[Text, ...] = ()
    """Columns read as 64-bit floats. Missing values are allowed; so is infinity, which is treated as missing."""
    categorical: tuple[Text, ...] = ()
    """Columns read as text, one-hot or ordinal encoded; categories that did not occur in training are allowed."""
    text: tuple[Text, ...] = ()
    """Columns of free text, made into numbers by their runs of characters."""
    datetime: tuple[Text, ...] = ()
    """Columns of times, read as the event time is, made into hour, weekday and day of the year."""
    transform: str | None = Field(default=None, pattern=FUNCTION_PATH)
    """`module:function` of yours: takes a data frame of `inputs`, returns one with the same rows and every feature.
    It becomes the first step of the model, so that training and serving cannot differ."""
    inputs: tuple[Text, ...] = ()
    """Source columns that the transform reads. Without a transform the features themselves are the inputs."""
    steps: tuple[Step, ...] = ()
    """Transformers that make columns from the features, in order. Features that no step takes are prepared as usual."""
    cache_mb: int | None = Field(default=None, ge=1)
    """Prepared features that fits have in common are kept on the worker, in up to so many megabytes."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All features, numeric first."""
        return self.numeric + self.categorical + self.text + self.datetime

    @property
    def kinds(self) -> dict[FeatureKind, tuple[str, ...]]:
        """Kind -> the features of this kind."""
        return {
            "numeric": self.numeric,
            "categorical": self.categorical,
            "text": self.text,
            "datetime": self.datetime,
        }

    @property
    def patterns(self) -> tuple[str, ...]:
        """The entries that stand for columns that are like them."""
        return tuple(filter(is_pattern, self.columns))

    @property
    def taken(self) -> list[tuple[str, ...]]:
        """The features that each step takes; none for a step that takes all."""
        return taken_features(self.steps, self.kinds)

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The source columns that the model reads."""
        return self.inputs if self.transform else self.columns

    _no_repeats = field_validator("numeric", "categorical", "text", "datetime", "inputs")(no_repeats)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.columns:
            raise ValueError("name at least one feature: numeric, categorical, text or datetime")
        for one, other in combinations(self.kinds, 2):
            both = sorted(set(self.kinds[one]) & set(self.kinds[other]))
            if both:
                raise ValueError(f"both {one} and {other}: {', '.join(both)}")
        if self.transform is not None and self.patterns:
            raise ValueError(
                f"{self.patterns[0]!r} stands for columns of the source, and features.transform makes the features: name "
                "each of them"
            )
        if (self.transform is None) != (not self.inputs):
            raise ValueError(
                "transform and inputs belong together: inputs are the source columns that the transform reads"
            )
        complaints = list(wrong_steps(self.steps, self.kinds))
        if complaints:
            refuse(*complaints)
        return self
