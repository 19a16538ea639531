"""The links from tune and choose to the page of their search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from perennial.stages import maker
from perennial_airflow.pages import tuning_page
from perennial_airflow.xcom import returned_by

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class TuningPageLink(BaseOperatorLink):
    """All trials of a search and why the winner won, served by Airflow's API server from the store."""

    name = "Search"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the page's address, or '' if this run has not searched."""
        found = returned_by(maker("tuning").name, ti_key)
        page = tuning_page(operator.spec.name, operator.retraining_id or ti_key.run_id)
        return page if found and found["searched"] else ""


class SearchProgressLink(BaseOperatorLink):
    """The trials so far, from one of the tasks that make them. It is there while the task runs."""

    name = "Search"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the page's address, or '' if no search was due."""
        found = operator.outcome
        page = tuning_page(operator.spec.name, operator.retraining_id or ti_key.run_id)
        return "" if found and not found["study"] else page
