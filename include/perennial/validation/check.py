"""Run a suite over rows."""

from __future__ import annotations

import great_expectations
import pandas as pd
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)

from perennial.validation.suite import POSITION


def check(suite: ExpectationSuite, rows: pd.DataFrame) -> ExpectationSuiteValidationResult:
    """Check every expectation of the suite; the results are in the order in which the spec has them."""
    settings = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = great_expectations.get_context(mode="ephemeral", project_config=settings)
    asset = context.data_sources.add_pandas("perennial").add_dataframe_asset("snapshot")
    batch = asset.add_batch_definition_whole_dataframe("rows").get_batch(batch_parameters={"dataframe": rows})
    result = batch.validate(suite, result_format="SUMMARY")
    result.results.sort(key=lambda one: one.expectation_config.meta[POSITION])
    return result


def holds(result: ExpectationValidationResult) -> bool:
    """Tell whether an expectation was checked and met. One that raised was not, whatever else it says."""
    return result.success is True and not raised(result)


def raised(result: ExpectationValidationResult) -> str:
    """Return why an expectation could not be checked; empty if it could."""
    info = result.exception_info or {}
    # One for the whole expectation, or one for each figure that it needs.
    each = [info] if "raised_exception" in info else list(info.values())
    return next((str(one.get("exception_message") or "unknown error") for one in each if one["raised_exception"]), "")
