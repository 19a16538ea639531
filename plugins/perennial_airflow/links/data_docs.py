"""The link from validate to its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from perennial_airflow.pages import data_docs_page

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class DataDocsLink(BaseOperatorLink):
    """The Great Expectations report, served by Airflow's API server from the store."""

    name = "Data Docs"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the report's address. It is made from model and run, since a failed validation has no XCom."""
        return data_docs_page(operator.spec.name, operator.retraining_id or ti_key.run_id)
