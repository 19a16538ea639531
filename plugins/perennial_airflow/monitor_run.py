"""The arguments of a check's steps, from Airflow's connections and environment."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from perennial_airflow import run_arguments
from perennial_airflow.deployment import deployment
from perennial_airflow.retraining_runs import was_started

if TYPE_CHECKING:
    from perennial.run import MonitorRun
    from perennial.spec import ModelSpec


def monitor_run(
    spec: ModelSpec, as_of: datetime | str | None, *, reads_source: bool = False, active: tuple[str, ...] = ()
) -> MonitorRun:
    """Return the arguments of every step of a check.

    Parameters
    ----------
    spec : ModelSpec
    as_of : datetime or str or None
        Newest event time to check, with a time zone; empty or None: the newest in the source.
    reads_source : bool
        Whether to add what is needed to read the source: a database's URL, or an S3 client.
    active : tuple of str
        Ids of the model's retrainings that are queued or running.
    """
    from perennial.run import MonitorRun
    from perennial_airflow.hooks.source import SourceHook

    source = SourceHook(spec.source, spec.region).arguments() if reads_source else {}
    return MonitorRun(
        spec=spec,
        deployment=deployment(spec, **source),
        now=datetime.now(UTC),
        as_of=run_arguments.as_of(as_of),
        active=active,
        was_started=partial(was_started, spec.name),
    )
