"""One retraining, or one check: of which model, on what, for whom, and where its results go."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perennial.spec import ModelSpec
    from perennial.store.protocol import Store


@dataclass(frozen=True, kw_only=True)
class Run:
    """What retrainings and checks have in common.

    Attributes
    ----------
    spec : ModelSpec
    store : Store
        Where snapshots, reports and verdicts go.
    tracking_uri : str
        MLflow's tracking and registry server; may hold a login, so it is never logged.
    data_root : Path or str
        Folder, or s3://bucket/prefix, below which sources without an address of their own lie.
    as_of : datetime or None
        Newest event time to take, with a zone; None: the newest in the source.
    sql_url : str or None
        SQLAlchemy URL of the source's connection; never logged.
    s3 : boto3 S3 client or None
        For sources on S3; None: made from the environment.
    mlflow_takes_rows : bool
        False: MLflow's server stands outside the spec's region, and no row may be shown to it.
    """

    spec: ModelSpec
    store: Store
    tracking_uri: str = field(repr=False)
    data_root: Path | str
    as_of: datetime | None = None
    sql_url: str | None = field(default=None, repr=False)
    s3: Any = None
    mlflow_takes_rows: bool = True


@dataclass(frozen=True, kw_only=True)
class MonitorRun(Run):
    """The arguments of every step of a check.

    Attributes
    ----------
    active : tuple of str
        Ids of the model's retrainings that are queued or running.
    """

    active: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RetrainingRun(Run):
    """The arguments of every stage.

    Attributes
    ----------
    run_id : str
        Names the run; a stage that is called again with the same run and inputs finds its own work and keeps it.
    window_days : float or None
        In place of the spec's window, for this run.
    dry_run : bool
        Stop after the verdict: register nothing, promote nothing.
    reason, triggered_by : str
        Why, and by whom or what; they end as tags on the model version.
    """

    run_id: str
    window_days: float | None = None
    dry_run: bool = False
    reason: str = ""
    triggered_by: str = ""

    @property
    def prefix(self) -> str:
        """Folder of this run's reports in the store, with a slash at its end."""
        return reports_prefix(self.spec.name, self.run_id)


VERDICT_FILE, PROMOTION_FILE = "verdict.json", "promotion.json"
"""What a run that came to a verdict, and one that promoted, keep among their reports."""


def reports_prefix(model: str, run_id: str) -> str:
    """Return the folder of a run's reports in the store, with a slash at its end.

    Parameters
    ----------
    model : str
        The spec's name.
    run_id : str
        As Airflow or the command line named the run; characters that no file name should have become underscores.
    """
    safe = "".join(c if c.isalnum() or c in "-_.+" else "_" for c in run_id)
    return f"{model}/runs/{safe}/"


def check_report_key(model: str, sequence: int) -> str:
    """Return the key of a check's report in the store."""
    return f"{model}/monitor/reports/{sequence:08d}/report.html"
