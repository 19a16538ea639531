"""How a candidate is judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.metrics import MetricName, wrong_bounds
from perennial.spec.section import Days, Number, Section, Whole, a_second_or_more, refuse


class Holdout(Section):
    """The newest rows of the window, kept out of training: exactly one of the three."""

    days: Days | None = Field(default=None, gt=0)
    """The last N days."""
    rows: Whole | None = Field(default=None, gt=0)
    """The last N rows."""
    fraction: Number | None = Field(default=None, gt=0, lt=1)
    """The last share of the rows."""

    _days = field_validator("days")(a_second_or_more)

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = [name for name in ("days", "rows", "fraction") if getattr(self, name) is not None]
        if len(given) != 1:
            stated = " and ".join(given) if given else "none"
            raise ValueError(f"give exactly one of days, rows or fraction; given: {stated}")
        return self


class Gates(Section):
    """What a candidate must reach to be promoted. All gates must pass."""

    minimum: dict[MetricName, Number] = {}
    """Least values of metrics where more is better, such as `{roc_auc: 0.65}`."""
    maximum: dict[MetricName, Number] = {}
    """Greatest values of metrics where less is better, such as `{log_loss: 0.6}`."""
    tolerance: Number = Field(default=0.0, ge=0)
    """The primary metric may be worse than the champion's by less than this; 0 asks for better."""
    min_rows: Whole = Field(default=100, ge=1)
    """Fewest labelled holdout rows on which a verdict may rest."""

    @model_validator(mode="after")
    def _right_direction(self) -> Self:
        wrong = wrong_bounds(self.minimum, self.maximum)
        if wrong:
            refuse(*wrong)
        return self


class EvaluationSection(Section):
    """Holdout, primary metric and gates. All metrics of the task are reported."""

    holdout: Holdout
    primary: MetricName
    """The metric on which candidate and champion are compared."""
    gates: Gates = Gates()

    @model_validator(mode="after")
    def _holdout_can_pass(self) -> Self:
        rows, needed = self.holdout.rows, self.gates.min_rows
        if rows is not None and rows < needed:
            refuse(
                (
                    ("holdout", "rows"),
                    f"a holdout of {rows} rows never passes the gate min_rows, which asks for {needed}",
                )
            )
        return self

    def metric_paths(self) -> Iterator[tuple[tuple[str | int, ...], MetricName]]:
        """Yield every metric that is named, with the path of the place where it is: primary, gated."""
        yield ("primary",), self.primary
        yield from ((("gates", "minimum", name), name) for name in self.gates.minimum)
        yield from ((("gates", "maximum", name), name) for name in self.gates.maximum)
