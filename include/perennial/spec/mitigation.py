"""What a fit does so that groups of people are treated more alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from perennial.spec.section import Section, Text, refuse

if TYPE_CHECKING:
    from perennial.spec.model import Model

OBJECTIVES = ("accuracy", "balanced_accuracy")
"""The metrics for which thresholds by group can be chosen, as in Fairlearn."""


class Mitigation(Section):
    """A method that makes a classifier of two labels treat the groups of a column more alike."""

    column: Text
    """Sensitive column of the source, which need not be a feature: each of its values is a group."""
    method: Literal["reweighting", "reductions", "threshold"]
    """`reweighting`: rows are weighed so that label and group are independent. `reductions`: several models together, each
    fitted at other costs of errors by group. `threshold`: one for each group; then the column is an input of the model."""
    constraint: Literal["demographic_parity", "equal_opportunity", "equalized_odds"] | None = None
    """What should be alike, as in `evaluation.fairness`; for reductions and thresholds."""

    @model_validator(mode="after")
    def _constraint_suits_method(self) -> Self:
        if self.method == "reweighting" and self.constraint is not None:
            refuse((("constraint",), "is not for reweighting, which makes label and group independent: leave it out"))
        if self.method != "reweighting" and self.constraint is None:
            refuse((("constraint",), f"{self.method} need one: say what should be alike between the groups"))
        if self.method == "threshold" and self.constraint == "equalized_odds":
            refuse(
                (
                    ("constraint",),
                    "one threshold for each group cannot make both rates alike, unless some labels are drawn by chance: "
                    "choose equal_opportunity, or the method reductions",
                )
            )
        return self


def not_with_mitigation(model: Model) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and the reason of each setting of a model that its mitigation cannot go with."""
    mitigation, imbalance = model.mitigation, model.imbalance
    if mitigation is None:
        return
    if mitigation.method != "threshold" and imbalance.resampling is not None:
        yield ("imbalance", "resampling"), f"rows that a sampler makes have no group, which {mitigation.method} need"
    if mitigation.method == "threshold":
        if imbalance.threshold is not None and imbalance.threshold not in OBJECTIVES:
            yield (
                ("imbalance", "threshold"),
                f"thresholds by group can be chosen for {' or '.join(OBJECTIVES)} only",
            )
        if model.ensemble is not None:
            yield ("ensemble",), "models that serve together have one threshold, not one for each group"
    if mitigation.method == "reductions":
        yield from _not_with_reductions(model)


def _not_with_reductions(model: Model) -> Iterator[tuple[tuple[str, ...], str]]:
    if model.weights is not None:
        yield ("weights",), "reductions weigh the rows themselves"
    if model.imbalance.class_weights is not None:
        yield ("imbalance", "class_weights"), "reductions weigh the rows themselves"
    if model.imbalance.threshold is not None:
        yield ("imbalance", "threshold"), "another threshold would undo what reductions have made alike"
    if model.calibration is not None:
        yield ("calibration",), "other probabilities would undo what reductions have made alike"
    if model.update is not None:
        yield ("update",), "reductions fit several models, each of them anew"
    if model.checkpoint_minutes is not None:
        yield ("checkpoint_minutes",), "reductions fit several models, and none of them is stored by itself"
