"""How a candidate is judged."""

from __future__ import annotations

from typing import Self

from pydantic import Field, FiniteFloat, field_validator, model_validator

from perennial.spec.metrics import LOWER_IS_BETTER, MetricName
from perennial.spec.part import Part


class Holdout(Part):
    """The newest rows of the window, kept out of training: exactly one of the three."""

    days: float | None = Field(default=None, gt=0)
    """The last N days."""
    rows: int | None = Field(default=None, gt=0)
    """The last N rows."""
    fraction: float | None = Field(default=None, gt=0, lt=1)
    """The last share of the rows."""

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = [name for name in ("days", "rows", "fraction") if getattr(self, name) is not None]
        if len(given) != 1:
            stated = " and ".join(given) if given else "none"
            raise ValueError(f"give exactly one of days, rows or fraction; given: {stated}")
        return self


class Gates(Part):
    """What a candidate must reach to be promoted. All gates must pass."""

    minimum: dict[MetricName, FiniteFloat] = {}
    """Least values of metrics where more is better, such as `{roc_auc: 0.65}`."""
    maximum: dict[MetricName, FiniteFloat] = {}
    """Greatest values of metrics where less is better, such as `{log_loss: 0.6}`."""
    tolerance: float = Field(default=0.0, ge=0)
    """The primary metric may be worse than the champion's by less than this; 0 asks for better."""
    min_rows: int = Field(default=100, ge=1)
    """Fewest labelled holdout rows on which a verdict may rest."""

    @field_validator("minimum")
    @classmethod
    def _more_is_better(cls, minimum: dict[str, float]) -> dict[str, float]:
        wrong = sorted(set(minimum) & LOWER_IS_BETTER)
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: less is better, so this belongs under 'maximum'")
        return minimum

    @field_validator("maximum")
    @classmethod
    def _less_is_better(cls, maximum: dict[str, float]) -> dict[str, float]:
        wrong = sorted(set(maximum) - LOWER_IS_BETTER)
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: more is better, so this belongs under 'minimum'")
        return maximum


class Evaluation(Part):
    """Holdout, metrics and gates."""

    holdout: Holdout
    primary: MetricName
    """The metric on which candidate and champion are compared."""
    metrics: tuple[MetricName, ...] = ()
    """Further metrics to report."""
    gates: Gates = Gates()

    @property
    def all_metrics(self) -> tuple[MetricName, ...]:
        """Primary, further and gated metrics, each once, in that order."""
        return tuple(dict.fromkeys((self.primary, *self.metrics, *self.gates.minimum, *self.gates.maximum)))
