"""The link from a backtest to its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from perennial_airflow.pages import backtest_page
from perennial_airflow.xcom import returned_by

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class BacktestPageLink(BaseOperatorLink):
    """The page of a backtest, served by Airflow's API server from the store."""

    name = "Backtest"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the page's address, or '' if there is none yet."""
        found = returned_by("compare", ti_key)
        return backtest_page(operator.spec.name, found["replay"]) if found else ""
