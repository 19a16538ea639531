"""What a replay found: small, frozen, JSON."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Literal

from perennial.record import Figure, Record


class Difference(Record):
    """How much better a policy scores than another, on average over the batches."""

    mean: Figure
    """Above 0: better, whichever direction of the metric that is."""
    standard_error: Figure
    """By batch; NaN: too few batches."""

    @property
    def detectable(self) -> bool:
        """Whether it is at least two standard errors from nothing."""
        return math.isfinite(self.standard_error) and abs(self.mean) >= 2 * self.standard_error and self.mean != 0


class PolicyResult(Record):
    """What one policy would have scored and cost. Of several phases of a calendar, their mean."""

    name: str
    title: str
    kind: Literal["calendar", "test", "bound"]
    together: bool
    """Past champions serve together; otherwise the newest alone."""
    score: Figure
    """Mean of the primary metric over the batches."""
    lowest: Figure
    highest: Figure
    """Range of the mean over the phases."""
    phases: int
    trainings: float
    """After the first; mean over the phases."""
    promotions: float
    cpu_seconds: Figure
    """Of trainings and tests."""
    on_never: Difference
    on_always: Difference
    share: Figure
    """Of what training at every batch gains over never; NaN where that gains nothing that can be told from noise."""
    scores: tuple[Figure, ...]
    """Of each batch, mean over the phases."""
    moments: tuple[datetime, ...] = ()
    """When it trained, of its first phase."""


class Promise(Record):
    """What a candidate's holdout promised, and what came of it on the next batch, against the champion alone."""

    end: datetime
    predicted: Figure
    standard_error: Figure
    realised: Figure
    promoted: bool


class Backtest(Record):
    """A replay's findings."""

    model: str
    replay: str
    metric: str
    greater_is_better: bool
    ends: tuple[datetime, ...]
    rows: tuple[int, ...]
    """Labelled rows of each batch."""
    refit: bool
    failed: tuple[str, ...] = ()
    """Trainings of which no model came, and why."""
    policies: tuple[PolicyResult, ...]
    promises: tuple[Promise, ...]
    rank_correlation: Figure
    """Spearman's, of predicted and realised gains; NaN: too few."""
    sentence: str
    """The finding, for a person who does not read tables."""

    def policy(self, name: str) -> PolicyResult:
        """Return a policy's result; raise KeyError if it was not replayed."""
        return {one.name: one for one in self.policies}[name]
