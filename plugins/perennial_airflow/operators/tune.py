"""One of the processes of a search as a task."""

from __future__ import annotations

from typing import Any

from perennial_airflow.operators.stage import StageOperator


class TuneOperator(StageOperator):
    """Runs the stage `tune`: takes trials from the run's study, together with the other tasks of the search.

    Parameters
    ----------
    process : int
        Number of the task among those of its search, for people.
    """

    # Airflow reads the links of mapped tasks from their class.
    operator_extra_links = ()

    def __init__(self, *, process: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.process = process
