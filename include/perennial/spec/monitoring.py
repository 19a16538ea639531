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
FEWEST_MATURED_ROWS = 200
"""Minimum number of matured rows for the performance test, unless the spec says otherwise."""

DriftTestName = Literal["ks", "categorical", "predictions", "page_hinkley", "performance", "volume"]


class MonitoringSchedule(Section):
    """When to look: a cron expression in a time zone, or every N minutes."""

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
            refuse((("time_zone",), "is for cron: every_minutes is the same in all zones"))
        return self


class Drift(Section):
    """The tests of the columns: Kolmogorov-Smirnov for numbers, chi-square for categories, both on the predictions."""

    level: Number = Field(default=0.01, gt=0, lt=0.5)
    """False discovery rate over the columns (Benjamini-Hochberg)."""
    effect_floor: Literal["auto"] | Number = "auto"
    """`auto`: a column drifts when its distance exceeds what is usual for it, by the champion's rows and later batches.
    A number: the smallest distance that counts, D of Kolmogorov-Smirnov or the share of rows with another category."""
    min_columns: Whole | None = Field(default=None, ge=1)
    """Columns that must drift for the test to fire; default 1."""
    min_share: Number | None = Field(default=None, gt=0, le=1)
    """The same as a share of the tested columns; give only one of the two."""
    exclude: tuple[Text, ...] = ()
    """Features that are left out, such as the month, which always differs."""
    entity: Text | None = None
    """Column of an entity that occurs in many rows (a customer, a machine); it reduces the effective sample size."""

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
    """A duration."""

    days: Days = Field(ge=1)
    """Number of days, at least one."""


class PageHinkleySection(Section):
    """The sequential test of the per-row loss."""

    one_false_alarm_in: Time | Whole = Time(days=730)
    """Time, such as `{days: 730}`, or rows with one false alarm on average without drift; sets the threshold.
    A time counts as the number of rows that the champion's holdout has in that time, from 1,000 to 500,000."""
    shift: Number = Field(default=0.25, ge=0.001, le=1000)
    """Change of the mean loss worth finding, in standard deviations of the loss; the report has its expected delay."""

    @field_validator("one_false_alarm_in")
    @classmethod
    def _enough_rows(cls, budget: Time | int) -> Time | int:
        if isinstance(budget, int) and budget < _FEWEST_ROWS:
            raise ValueError(f"should be at least {_FEWEST_ROWS} rows; for a time write {{days: 730}}")
        return budget


class PerformanceSection(Section):
    """Limits of metrics on matured rows; fires if even the better end of the bootstrap interval is past a limit."""

    minimum: dict[MetricName, Number] = {}
    """Lower limits of metrics for which more is better, such as `{roc_auc: 0.6}`."""
    maximum: dict[MetricName, Number] = {}
    """Upper limits of metrics for which less is better, such as `{log_loss: 0.65}`."""
    min_rows: Whole = Field(default=FEWEST_MATURED_ROWS, ge=1)
    """Minimum number of matured rows for this test."""

    @model_validator(mode="after")
    def _right_side(self) -> Self:
        if not (self.minimum or self.maximum):
            raise ValueError("name a metric under minimum or maximum, or leave performance out")
        wrong = wrong_bounds(self.minimum, self.maximum)
        if wrong:
            refuse(*wrong)
        return self

    def metric_paths(self) -> Iterator[tuple[tuple[str, str], MetricName]]:
        """Yield every metric that is named, with its path."""
        yield from ((("minimum", name), name) for name in self.minimum)
        yield from ((("maximum", name), name) for name in self.maximum)


class VolumeSection(Section):
    """Rows since the last training."""

    rows: Whole = Field(ge=1)
    """Rows newer than the champion's snapshot that call for a retraining."""


class Require(Section):
    """A test must have fired in `checks` of the last `of` checks."""

    checks: Whole = Field(default=2, ge=1)
    """Number of checks in which a test must have fired, this one included."""
    of: Whole = Field(default=3, ge=1)
    """Number of the last checks that are considered, this one included."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.checks > self.of:
            raise ValueError(f"{self.checks} of the last {self.of} checks is impossible")
        return self


class Monitoring(Section):
    """Settings of the monitoring DAG."""

    schedule: MonitoringSchedule | None = None
    """None: checks only when triggered."""
    min_rows: Whole = Field(default=500, ge=2)
    """New rows to wait for before a check is made."""
    lateness_days: Days = Field(default=7.0, ge=0)
    """Late rows are checked up to this many days behind the cursor."""
    drift: Drift = Drift()
    page_hinkley: PageHinkleySection | None = PageHinkleySection()
    """None: the losses are not tested."""
    performance: PerformanceSection | None = None
    """None: only the champion's mean loss is judged, by the holdout's."""
    volume: VolumeSection | None = None
    """None: rows are counted, but not compared with a limit."""
    require: Require = Require()
    """Damping of the drift tests ks, categorical and predictions; the other tests have their own damping."""


class AtMost(Section):
    """A budget: the most retrainings in a number of days."""

    retrainings: Whole = Field(default=3, ge=1)
    """Retrainings that the monitor may trigger."""
    days: Days = Field(default=30.0, gt=0)
    """Days up to the check in which they are counted."""


class Breaker(Section):
    """Opens after a number of rejected, inconclusive or failed candidates in a row; closed by hand or after a time."""

    rejections: Whole = Field(default=3, ge=1)
    """Number of rejected, inconclusive or failed candidates in a row that open it."""
    reset_days: Days = Field(default=30.0, gt=0)
    """Days after the last of them until one retraining is allowed; if that fails too, they start again."""


class Retraining(Section):
    """Limits of the retrainings that the monitor triggers."""

    cooldown_days: Days = Field(default=3.0, ge=0)
    """Minimum days from one triggered retraining to the next."""
    at_most: AtMost = AtMost()
    breaker: Breaker = Breaker()
    first: bool = True
    """Whether the monitor may trigger the first training of a model that has no champion."""
    triggers: tuple[DriftTestName, ...] = ("ks", "performance")
    """Tests that may trigger; the others only warn."""

    _no_repeats = field_validator("triggers")(no_repeats)
