"""The operator of a drift test: from a check to the result of one test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from perennial_airflow.monitor_run import monitor_run
from perennial_airflow.operators.monitor_operator import MonitorOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.monitoring.records import DriftTestResult
    from perennial.spec.monitoring import DriftTestName


class DriftTestOperator(MonitorOperator):
    """Test the rows of a check in one way. A test that fires is a result, not a failure.

    Parameters
    ----------
    test : DriftTestName
    check : dict
        XCom of open_check.
    **kwargs
        See MonitorOperator.
    """

    template_fields: ClassVar[tuple[str, ...]] = (*MonitorOperator.template_fields, "check")

    def __init__(self, *, test: DriftTestName, check: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.test = test
        self.check = check

    def run_step(self, context: Context) -> DriftTestResult:  # noqa: ARG002
        """Call `perennial.monitoring.steps.make_test`."""
        from perennial.monitoring.records import OpenCheck
        from perennial.monitoring.steps import CheckReader, make_test

        reader = CheckReader(monitor_run(self.spec, self.as_of))
        result = make_test(reader, OpenCheck.model_validate(self.check), self.test)
        self.log.info("%s: %s", result.status, result.sentence)
        return result
