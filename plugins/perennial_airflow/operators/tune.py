"""One of the processes of a search as a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perennial_airflow.links.tuning_page import SearchProgressLink
from perennial_airflow.operators.stage import StageOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class TuneOperator(StageOperator):
    """Runs the stage `tune`: takes trials from the run's study, together with the other tasks of the search.

    Parameters
    ----------
    process : int
        Number of the task among those of its search, for people.
    """

    # Airflow reads the links of mapped tasks from their class.
    operator_extra_links = (SearchProgressLink(),)

    def __init__(self, *, process: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.process = process

    def execute(self, context: Context) -> dict[str, Any]:
        """See StageOperator; the links are there from the beginning.

        Airflow itself stores links when a task ends, and a search may take hours.
        """
        for link in self.operator_extra_links:
            context["ti"].xcom_push(key=link.xcom_key, value=link.get_link(self, ti_key=context["ti"]))
        return super().execute(context)
