"""The operator of the governor: from a check and its results to a decision in the ledger."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from perennial_airflow.assets import DriftDetected, drift_outlet
from perennial_airflow.links.drift_report import DriftReportLink
from perennial_airflow.monitor_run import monitor_run
from perennial_airflow.operators.monitor_operator import MonitorOperator
from perennial_airflow.retraining_runs import under_way

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.monitoring.records import LedgerEntry

# How many of the monitor's own queued retrainings are named in the reasons.
LOOKED_UP = 5


class GovernOperator(MonitorOperator):
    """Decide on a check, enter check and decision in the ledger, and write the report to the store.

    A repeated call returns the first decision. If a test fired, the asset `perennial://<model>/drift` gets an event
    with the evidence.

    Parameters
    ----------
    check : dict
        XCom of open_check.
    results : list of dict
        XComs of the tests.
    **kwargs
        See MonitorOperator.
    """

    template_fields: ClassVar[tuple[str, ...]] = (*MonitorOperator.template_fields, "check", "results")
    operator_extra_links = (DriftReportLink(),)

    def __init__(self, *, check: dict[str, Any], results: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check = check
        self.results = results

    def run_step(self, context: Context) -> LedgerEntry:
        """Call `perennial.monitoring.steps.decide`, then write the report, add the event and send metrics."""
        from perennial.monitoring.ledger import triggers_before
        from perennial.monitoring.records import DriftTestResult, OpenCheck
        from perennial.monitoring.report.page import write_report
        from perennial.monitoring.steps import CheckReader, decide
        from perennial_airflow.evidence import evidence
        from perennial_airflow.telemetry.metrics import count_check

        check = OpenCheck.model_validate(self.check)
        run = monitor_run(self.spec, self.as_of)
        triggers = islice(triggers_before(run.store, check.model, check.sequence), LOOKED_UP)
        active = under_way(check.model, (entry.decision.run_id or "" for entry in triggers))
        run = replace(run, active=active)
        entry = decide(run, check, [DriftTestResult.model_validate(result) for result in self.results])
        write_report(CheckReader(run), entry)
        if any(result.status == "fired" for result in entry.results):
            drift = context["outlet_events"][drift_outlet(entry.model)]
            drift.add(DriftDetected(entry.model), extra=evidence(entry))
        count_check(self.spec, entry)
        return entry
