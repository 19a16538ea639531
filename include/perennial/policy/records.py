"""The results of a replay, as records."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Literal

from perennial.record import Figure, Record


class Difference(Record):
    """How much better a policy scores than another, on average over the batches."""

    mean: Figure
    """Above 0: better, also for metrics where lower is better."""
    standard_error: Figure
    """Standard error, from the differences of the batches; NaN: too few batches."""

    @property
    def detectable(self) -> bool:
        """Whether the difference is at least two standard errors from 0."""
        return math.isfinite(self.standard_error) and abs(self.mean) >= 2 * self.standard_error and self.mean != 0


class Change(Record):
    """The most abrupt change of a period: the model that is never trained again scored worse than in the batch before."""

    batch: int
    """Number of the first batch after the change, from 1 on."""
    start: datetime
    """Beginning of that batch; the change came at this time or later in the batch."""
    fall: Figure
    """How much worse the score was than in the batch before."""
    limit: Figure
    """Largest fall between two batches that counts as usual."""


class PolicyResult(Record):
    """What one policy would have scored and cost; for a calendar, the mean over its phases."""

    name: str
    title: str
    kind: Literal["calendar", "test", "bound"]
    together: bool
    """True: past champions serve together; False: only the newest serves."""
    score: Figure
    """Mean of the primary metric over the batches."""
    lowest: Figure
    highest: Figure
    """Lowest and highest score over the phases."""
    phases: int
    trainings: float
    """Trainings after the first; mean over the phases."""
    promotions: float
    cpu_seconds: Figure
    """CPU seconds of trainings and tests."""
    on_never: Difference
    on_always: Difference
    share: Figure
    """Share of the gain of training after every batch over never; NaN if that gain is not detectable."""
    scores: tuple[Figure, ...]
    """Score of each batch; mean over the phases."""
    moments: tuple[datetime, ...] = ()
    """When it trained, in its first phase."""
    days_to_answer: Figure
    """Days from the most abrupt change to the next new champion; NaN: there was no such change, or it was not answered.
    Phases in which it was not answered count up to the end of the period."""


class Promise(Record):
    """A candidate's difference from the champion on its holdout, and on the next batch."""

    end: datetime
    predicted: Figure
    standard_error: Figure
    realised: Figure
    promoted: bool


class Backtest(Record):
    """The results of a replay."""

    model: str
    replay: str
    metric: str
    greater_is_better: bool
    ends: tuple[datetime, ...]
    rows: tuple[int, ...]
    """Labelled rows of each batch."""
    refit: bool
    not_replayed: tuple[str, ...] = ()
    """The windows of the spec that were left out, in words."""
    failed: tuple[str, ...] = ()
    """Trainings that gave no model, with the reason."""
    policies: tuple[PolicyResult, ...]
    promises: tuple[Promise, ...]
    rank_correlation: Figure
    """Spearman's correlation of predicted and realised gains; NaN: too few."""
    change: Change | None
    """The most abrupt change; None: nothing abrupt happened."""
    sentence: str
    """The result in a sentence, for people who do not read tables."""

    def policy(self, name: str) -> PolicyResult:
        """Return a policy's result; raise KeyError if it was not replayed."""
        return {one.name: one for one in self.policies}[name]
