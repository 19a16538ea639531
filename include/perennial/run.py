"""One retraining, or one check: of which model, on what, for whom, and where its results go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from perennial.errors import DataError
from perennial.layout import run_folder
from perennial.moments import shifted

if TYPE_CHECKING:
    from perennial.answer import Answer
    from perennial.deployment import Deployment
    from perennial.spec import ModelSpec, Window
    from perennial.store.lease import Lease
    from perennial.store.protocol import Store

CLOCKS_APART = timedelta(minutes=5)
"""How far the clocks of two machines may be apart.

What one machine takes as `as_of`, another must not refuse as future.
"""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What retrainings and checks have in common.

    Attributes
    ----------
    spec : ModelSpec
    deployment : Deployment
        Where the rows come from, and where models and reports go.
    now : datetime
        The current time, with a time zone: the library itself reads no clock.
    as_of : datetime or None
        Newest event time to take, with a time zone; None: the newest in the source.

    Raises
    ------
    DataError
        `as_of` lies in the future.
    """

    spec: ModelSpec
    deployment: Deployment
    now: datetime
    as_of: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse an `as_of` that would move watermarks and limits into the future."""
        if self.as_of and self.as_of.tzinfo and self.as_of > shifted(self.latest, CLOCKS_APART):
            raise DataError(
                f"as_of {self.as_of.isoformat()} lies in the future: the clock says {self.now:%Y-%m-%d %H:%M} UTC. "
                "Leave it out to take the newest rows in the source, or give a time that has passed"
            )

    @property
    def store(self) -> Store:
        """The deployment's store."""
        return self.deployment.store

    @property
    def tracking_uri(self) -> str:
        """The deployment's MLflow server."""
        return self.deployment.tracking_uri

    @property
    def mlflow_takes_rows(self) -> bool:
        """Whether the deployment's MLflow server may be shown rows."""
        return self.deployment.mlflow_takes_rows

    @property
    def latest(self) -> datetime:
        """Newest event time that is accepted: the current time plus the spec's tolerance."""
        return shifted(self.now, timedelta(hours=self.spec.source.future.tolerance_hours))


@dataclass(frozen=True, kw_only=True)
class MonitorRun(Run):
    """The arguments of every step of a check.

    Attributes
    ----------
    active : tuple of str
        Ids of the model's retrainings that are queued or running.
    was_started : callable
        Takes the id of a retraining that was triggered, and tells whether it was ever started, however it ended.
        Airflow knows its own runs; the command line retrains in its own process, so its answer is always False.
    """

    active: tuple[str, ...] = ()
    was_started: Callable[[str], bool] = field(default=lambda _: False, repr=False)


@dataclass(frozen=True, kw_only=True)
class RetrainingRun(Run):
    """The arguments of every stage.

    Attributes
    ----------
    run_id : str
        Name of the run. A stage that is called again with the same run and inputs finds its own result and keeps it.
    window_days : float or None
        Window in days for this run, in place of the spec's one or all of its several.
    trials : int or None
        Most trials of a search, in place of the spec's.
    search : {'due', 'force', 'skip'}
        Whether to search: when the spec says so, in any case, or not at all.
    dry_run : bool
        Stop after the verdict: register nothing, promote nothing.
    reason, triggered_by : str
        Why the run was started, and by whom or what; both become tags of the model version.
    worker : str
        Name of this process for others that wait for it, such as 'task flight_delay.retrain.train'; empty:
        `triggered_by`.
    answer : Answer or None
        What a person said about the candidate; None: nobody was asked yet.
    lease : Lease or None
        The claim by which this process owns the run; None: each stage that needs a lease claims one itself.
    """

    run_id: str
    window_days: float | None = None
    trials: int | None = None
    search: Literal["due", "force", "skip"] = "due"
    dry_run: bool = False
    reason: str = ""
    triggered_by: str = ""
    worker: str = ""
    answer: Answer | None = None
    lease: Lease | None = field(default=None, repr=False, compare=False)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows of this run; each gives a model."""
        from perennial.spec import Window

        return self.spec.source.windows if self.window_days is None else (Window(days=self.window_days),)

    @property
    def prefix(self) -> str:
        """Folder of this run's records and reports in the store, with a slash at its end."""
        return run_folder(self.spec.name, self.run_id)
