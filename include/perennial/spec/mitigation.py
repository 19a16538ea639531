"""What a fit does so that groups of people are treated more alike."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from perennial.spec.section import Section, Text, refuse


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
            refuse((("constraint",), "is missing: say what should be alike between the groups"))
        if self.method == "threshold" and self.constraint == "equalized_odds":
            refuse(
                (
                    ("constraint",),
                    "one threshold for each group cannot make both rates alike, unless some labels are drawn by chance: "
                    "choose equal_opportunity, or the method reductions",
                )
            )
        return self
