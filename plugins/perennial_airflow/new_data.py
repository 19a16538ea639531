"""Whether there is enough to check now; used by the sensor in all its modes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from perennial_airflow.monitor_run import monitor_run
from perennial_airflow.retraining_runs import under_way

if TYPE_CHECKING:
    from perennial.monitoring.waiting import Waiting
    from perennial.spec import ModelSpec


def look(spec: ModelSpec, as_of: datetime | str | None) -> Waiting:
    """Compare cursor and source. Blocks while it reads the source.

    Parameters
    ----------
    spec : ModelSpec
    as_of : datetime or str or None
        Newest event time to check, with a time zone; empty or None: the newest in the source.

    Raises
    ------
    PerennialError
        The source, the store or MLflow cannot be read.
    """
    from perennial.monitoring.waiting import waiting

    return waiting(monitor_run(spec, as_of, reads_source=True, active=under_way(spec.name)))
