"""How the best of the candidates is searched for, and when."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from perennial.spec.limits import MAX_MINUTES, MOST_TRIALS
from perennial.spec.metrics import MetricName
from perennial.spec.section import A_WORD, Days, Number, Section, Whole, refuse

Sampler = Literal["grid", "random", "tpe", "gp", "cmaes", "nsga2"]
Second = Literal["fit_seconds", "predict_seconds"]


class SearchPeriod(Section):
    """Retrainings between two searches take what the last search found: exactly one of the two."""

    every: Whole | None = Field(default=None, ge=2)
    """Search at every so manieth retraining: with 4, three retrainings take what the one before them found."""
    stale_days: Days | None = Field(default=None, gt=0)
    """Search if the newest row is so many days newer than at the last search."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.every is None) == (self.stale_days is None):
            raise ValueError("give exactly one of every and stale_days, or one of the words always and first")
        return self


When = Annotated[
    Annotated[Literal["always", "first"], A_WORD] | Annotated[SearchPeriod, Tag("[one]")],
    Discriminator(lambda given: "[word]" if isinstance(given, str) else "[one]"),
]


class Tuning(Section):
    """A search over `model.candidates`, scored on folds of the training rows; the holdout stays untouched."""

    sampler: Sampler = "tpe"
    """How trials are proposed: `tpe`, `random` and `grid` for any space; `gp`, `cmaes` and `nsga2` for one candidate."""
    trials: Whole = Field(default=50, ge=1, le=MOST_TRIALS)
    """Most trials of a search. A grid with fewer points ends earlier."""
    minutes: Number | None = Field(default=None, gt=0, le=MAX_MINUTES)
    """No trial starts after so many minutes, counted as the time of all trials divided by `parallel`."""
    pruner: Literal["median", "iterations", "none"] = "none"
    """`median`: a trial ends early if after a fold it is worse than the median of the trials before it. `iterations`: also after each tenth of a booster's rounds in the first fold."""
    parallel: Whole = Field(default=1, ge=1, le=64)
    """Number of trials at the same time. With 1, the same rows and seed give the same trials."""
    seed: Whole = Field(default=0, ge=0, lt=2**32)
    """Seed of the sampler."""
    metric: MetricName | None = None
    """What is searched for; default: `evaluation.primary`."""
    second: Second | None = None
    """A second objective: seconds to fit, or to predict, all folds. Of all trials within one standard error of the best, the quickest wins."""
    when: When = "always"
    """Which retrainings search."""
    warm_start: bool = False
    """The trials of the last search over the same space are shown to the sampler. They are not in the running."""

    @model_validator(mode="after")
    def _samplers_differ(self) -> Self:
        complaints = []
        if self.second and self.sampler == "cmaes":
            complaints.append((("second",), "cmaes has one objective: choose another sampler"))
        if self.second and self.pruner != "none":
            complaints.append((("pruner",), "a search with a second objective cannot end trials early: set it to none"))
        if self.warm_start and self.sampler in ("grid", "random", "cmaes"):
            complaints.append((("warm_start",), f"{self.sampler} does not learn from earlier trials"))
        if complaints:
            refuse(*complaints)
        return self
