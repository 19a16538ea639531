"""When a model is watched, what counts as drift, and when drift may retrain it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.cron import check_cron
from perennial.spec.limits import MAX_MINUTES
from perennial.spec.metrics import MetricName, wrong_bounds
from perennial.spec.section import Days, Number, Section, Text, Whole, no_repeats, refuse
from perennial.spec.source import check_zone

_FEWEST_ROWS = 1000

DriftTestName = Literal["ks", "categorical", "predictions", "page_hinkley", "performance", "volume"]


class MonitoringSchedule(Section):
    """When to look: a cron expression in a zone, or every N minutes."""

    cron: str | None = None
    """Five fields, such as `0 * * * *`: every hour."""
    every_minutes: Whole | None = Field(default=None, ge=1, le=MAX_MINUTES)
    """Minutes from one look to the next, at most a year."""
    time_zone: str = "UTC"
    """IANA name, such as `America/New_York`, in which the cron expression holds."""

    _cron = field_validator("cron")(lambda value: value if value is None else check_cron(value))
    _zone = field_validator("time_zone")(check_zone)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.cron is None) == (self.every_minutes is None):
            raise ValueError("give exactly one of cron or every_minutes")
        if self.every_minutes is not None and self.time_zone != "UTC":
            refuse((("time_zone",), "is for cron: every so many minutes is the same in all zones"))
        return self


class Drift(Section):
    """The tests of the columns: Kolmogorov-Smirnov for numbers, chi-square for categories, both on the predictions."""

    level: Number = Field(default=0.01, gt=0, lt=0.5)
    """False discovery rate over the columns (Benjamini-Hochberg)."""
    effect_floor: Literal["auto"] | Number = "auto"
    """`auto`: a column drifts when it leaves what is ordinary for it, learnt from the champion's rows and the batches since.
    A number: the least distance that matters, D of Kolmogorov-Smirnov or the share of rows whose category would change."""
    min_columns: Whole | None = Field(default=None, ge=1)
    """Columns that must drift for the test to fire; default 1."""
    min_share: Number | None = Field(default=None, gt=0, le=1)
    """The same as a share of the columns tested; give one of the two."""
    exclude: tuple[Text, ...] = ()
    """Features left out, such as the month, which always differs."""
    entity: Text | None = None
    """Column naming what the rows repeat (a customer, a machine): the effective sample size follows from it."""

    @field_validator("effect_floor")
    @classmethod
    def _a_distance(cls, floor: str | float) -> str | float:
        if isinstance(floor, float) and not 0 <= floor < 1:
            raise ValueError("a distance should be greater than or equal to 0 and less than 1")
        return floor

    @model_validator(mode="after")
    def _columns_or_share(self) -> Self:
        if self.min_columns is not None and self.min_share is not None:
            raise ValueError("give min_columns or min_share, not both")
        return self


class Time(Section):
    """A stretch of time."""

    days: Days = Field(ge=1)
    """Days, at least one."""


class PageHinkleySection(Section):
    """The sequential test of the per-row loss."""

    one_false_alarm_in: Time | Whole = Time(days=730)
    """Time, such as `{days: 730}`, or rows: the threshold is calibrated so that undrifted losses alarm about once in so much.
    A time counts as the rows that the champion's holdout has in it, from 1,000 to 500,000."""
    shift: Number = Field(default=0.25, ge=0.001, le=1000)
    """Change of the mean loss worth finding, in standard deviations of the loss; the run states how soon it is found."""

    @field_validator("one_false_alarm_in")
    @classmethod
    def _enough_rows(cls, budget: Time | int) -> Time | int:
        if isinstance(budget, int) and budget < _FEWEST_ROWS:
            raise ValueError(f"should be at least {_FEWEST_ROWS} rows; for a time write {{days: 730}}")
        return budget


class PerformanceSection(Section):
    """Floors of metrics on matured rows; fires when even the better end of the bootstrap interval is past one."""

    minimum: dict[MetricName, Number] = {}
    """Floors of metrics where more is better, such as `{roc_auc: 0.6}`."""
    maximum: dict[MetricName, Number] = {}
    """The same for metrics where less is better, such as `{log_loss: 0.65}`."""
    min_rows: Whole = Field(default=200, ge=1)
    """Fewest matured rows on which it may be tested."""

    @model_validator(mode="after")
    def _right_side(self) -> Self:
        if not (self.minimum or self.maximum):
            raise ValueError("name a metric under minimum or maximum, or leave performance out")
        wrong = wrong_bounds(self.minimum, self.maximum)
        if wrong:
            refuse(*wrong)
        return self

    def metric_paths(self) -> Iterator[tuple[tuple[str, str], MetricName]]:
        """Yield every metric that is named, with the path of the place where it is."""
        yield from ((("minimum", name), name) for name in self.minimum)
        yield from ((("maximum", name), name) for name in self.maximum)


class VolumeSection(Section):
    """Rows since the last training."""

    rows: Whole = Field(ge=1)
    """Rows newer than the champion's snapshot that call for a retraining."""


class Require(Section):
    """`of` checks looked back on; in `checks` of these a test must have fired."""

    checks: Whole = Field(default=2, ge=1)
    """Checks in which a test must have fired, this one included."""
    of: Whole = Field(default=3, ge=1)
    """Checks looked back on, this one included."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.checks > self.of:
            raise ValueError(f"{self.checks} of the last {self.of} checks can never be")
        return self


class Monitoring(Section):
    """What the sensor DAG does."""

    schedule: MonitoringSchedule | None = None
    """None: checks only when triggered."""
    min_rows: Whole = Field(default=500, ge=2)
    """New rows to wait for before a check is made."""
    lateness_days: Days = Field(default=7.0, ge=0)
    """Rows that arrive up to so many days behind the cursor are still checked."""
    drift: Drift = Drift()
    page_hinkley: PageHinkleySection | None = PageHinkleySection()
    """None: the losses are not tested."""
    performance: PerformanceSection | None = None
    """None: the primary metric is measured and compared with nothing."""
    volume: VolumeSection | None = None
    """None: rows are counted, however many there are."""
    require: Require = Require()
    """Damping of the drift tests ks, categorical and predictions; the other tests carry their own damping."""


class AtMost(Section):
    """A budget: so many retrainings in so many days."""

    retrainings: Whole = Field(default=3, ge=1)
    """Retrainings that the monitor may trigger."""
    days: Days = Field(default=30.0, gt=0)
    """Days up to the check in which they are counted."""


class Breaker(Section):
    """Opens after so many rejected, inconclusive or failed candidates in a row; closed by hand or after a time."""

    rejections: Whole = Field(default=3, ge=1)
    """Candidates in a row, rejected, inconclusive or failed, that open it."""
    reset_days: Days = Field(default=30.0, gt=0)
    """Days after the last of them when one retraining is let through; another one that is rejected or fails starts them again."""


class Retraining(Section):
    """What the governor lets through."""

    cooldown_days: Days = Field(default=3.0, ge=0)
    """Least time from one triggered retraining to the next."""
    at_most: AtMost = AtMost()
    breaker: Breaker = Breaker()
    first: bool = True
    """Whether the monitor may trigger the first training of a model that has no champion."""
    triggers: tuple[DriftTestName, ...] = ("ks", "page_hinkley", "performance")
    """Tests that may trigger; the others only warn."""

    _no_repeats = field_validator("triggers")(no_repeats)
