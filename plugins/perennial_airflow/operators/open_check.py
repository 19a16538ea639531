"""The operator that opens a check."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perennial_airflow.monitor_run import monitor_run
from perennial_airflow.operators.monitor_operator import MonitorOperator
from perennial_airflow.retraining_runs import under_way

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.monitoring.records import OpenCheck


class OpenCheckOperator(MonitorOperator):
    """Open a check: decide which rows are checked. Continue one that did not end, or whose retraining was lost.

    Skipped if there is nothing to check.
    """

    def run_step(self, context: Context) -> OpenCheck:
        """Call `perennial.monitoring.steps.open_check`, and prepare the champion's reference if it is a new one."""
        from airflow.sdk.exceptions import AirflowSkipException

        from perennial.errors import ChampionUnusable
        from perennial.monitoring.drift_tests.reference import load_reference
        from perennial.monitoring.steps import open_check

        # Only to report how long it took until there was a new champion.
        context["ti"].xcom_push(key="opened_at", value=datetime.now(UTC).isoformat())
        run = monitor_run(self.spec, self.as_of, reads_source=True, active=under_way(self.spec.name))
        check = open_check(run)
        if check is None:
            raise AirflowSkipException("There is nothing to check: neither rows nor a pending alarm")
        if check.champion is not None and not check.incomparable:
            # Prepared here once, not in all tests' tasks at the same time. Errors are raised by the tests that need it.
            with suppress(ChampionUnusable):
                load_reference(run, check.champion)
        return check
