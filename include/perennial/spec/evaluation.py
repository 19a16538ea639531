"""How a candidate is judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.explain import ExplainSection
from perennial.spec.fairness import FairnessSection
from perennial.spec.metrics import MetricName, wrong_bounds
from perennial.spec.section import (
    A_NUMBER,
    A_WORD,
    Days,
    Number,
    Section,
    Text,
    Whole,
    a_second_or_more,
    no_repeats,
    number_or_word,
    refuse,
)
from perennial.spec.slices import SlicesSection


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


Tolerance = Annotated[Annotated[Number, Field(ge=0), A_NUMBER] | Annotated[Literal["noise"], A_WORD], number_or_word]


class Gates(Section):
    """What a candidate must reach to be promoted. All gates must pass."""

    minimum: dict[MetricName, Number] = {}
    """Lower limits of metrics for which more is better, such as `{roc_auc: 0.65}`."""
    maximum: dict[MetricName, Number] = {}
    """Upper limits of metrics for which less is better, such as `{log_loss: 0.6}`."""
    tolerance: Tolerance = "noise"
    """The primary metric may be worse than the champion's by at most one standard error over ten blocks of time
    (`noise`), or by less than this number; with 0 it must be better."""
    confidence: Number | None = Field(default=None, ge=0.5, lt=1)
    """If set, the candidate must be better with this confidence, or worse by less than a tolerance that is a number."""
    inconclusive: Literal["promote", "reject"] = "reject"
    """What is done with a candidate that is neither better nor worse with this `confidence`."""
    dry_run: tuple[Text, ...] = ()
    """Gates that are measured and shown, but do not decide, such as `[champion, minimum roc_auc]`."""
    min_rows: Whole = Field(default=100, ge=1)
    """Minimum number of labelled holdout rows for a promotion."""

    _no_repeats = field_validator("dry_run")(no_repeats)

    @model_validator(mode="after")
    def _right_direction(self) -> Self:
        wrong = wrong_bounds(self.minimum, self.maximum)
        if wrong:
            refuse(*wrong)
        return self

    @model_validator(mode="after")
    def _has_an_effect(self) -> Self:
        if self.inconclusive == "promote" and self.confidence is None:
            refuse((("inconclusive",), "has no effect without confidence: nothing else asks for proof"))
        return self


class EvaluationSection(Section):
    """Holdout, primary metric and gates. All metrics of the task are reported."""

    holdout: Holdout
    primary: MetricName
    """The metric on which candidate and champion are compared."""
    gates: Gates = Gates()
    slices: SlicesSection | None = None
    """Slices of the holdout, each of which must hold up; None: only the holdout as a whole counts."""
    fairness: FairnessSection | None = None
    """How much the model may differ between groups of people; None: groups are not compared."""
    explain: ExplainSection | None = None
    """What drives the candidate, measured after its figures; None: it is not explained."""
    weighted: bool = False
    """Whether rows count in metrics by the column `model.weights.column`, as they do in the fit."""

    @model_validator(mode="after")
    def _holdout_can_pass(self) -> Self:
        rows, needed = self.holdout.rows, self.gates.min_rows
        if rows is not None and rows < needed:
            refuse(
                (
                    ("holdout", "rows"),
                    f"a holdout of {rows} rows never passes the gate min_rows, which needs {needed}",
                )
            )
        return self

    @model_validator(mode="after")
    def _known_in_dry_run(self) -> Self:
        known = self.names_in_dry_run
        unknown = [(index, name) for index, name in enumerate(self.gates.dry_run) if name not in known]
        if unknown:
            refuse(
                *(
                    (
                        ("gates", "dry_run", index),
                        f"there is no gate {name!r} that may be left out: choose from {', '.join(known)}",
                    )
                    for index, name in unknown
                )
            )
        return self

    @property
    def names_in_dry_run(self) -> tuple[str, ...]:
        """The gates that a verdict can do without."""
        gates = self.gates
        bounds = (*(f"minimum {name}" for name in gates.minimum), *(f"maximum {name}" for name in gates.maximum))
        return (
            "rows",
            *bounds,
            "champion",
            "news",
            *(self.slices.gates if self.slices else ()),
            *(self.fairness.gates if self.fairness else ()),
        )

    @property
    def read(self) -> tuple[str, ...]:
        """Columns that judging needs beyond the predictions and the target."""
        return (*(self.slices.read if self.slices else ()), *(self.fairness.columns if self.fairness else ()))

    def metric_paths(self) -> Iterator[tuple[tuple[str | int, ...], MetricName]]:
        """Yield every metric that is named as primary or in gates, with its path."""
        yield ("primary",), self.primary
        yield from ((("gates", "minimum", name), name) for name in self.gates.minimum)
        yield from ((("gates", "maximum", name), name) for name in self.gates.maximum)
        if self.slices and self.slices.metric:
            yield ("slices", "metric"), self.slices.metric
