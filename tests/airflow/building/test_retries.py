"""A server that was away gets another try; what would fail again does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perennial.errors import PerennialError, SpecError, StoreError, StoreUnavailable, ValidationFailed
from perennial_airflow.building.retries import RetryWhatCanChange

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize("error", [ValidationFailed("3 rows"), SpecError("bad"), StoreError("disk full")])
def test_what_would_fail_again_ends_the_retries_with_its_message(error: PerennialError) -> None:
    from airflow.sdk.definitions.retry_policy import RetryAction

    decision = RetryWhatCanChange().evaluate(error, try_number=1, max_tries=3)

    assert decision.action is RetryAction.FAIL
    assert str(error) in str(decision.reason)


@pytest.mark.parametrize("error", [StoreUnavailable("away"), ConnectionError("reset"), MemoryError()])
def test_all_else_follows_the_tasks_own_retries(error: BaseException) -> None:
    from airflow.sdk.definitions.retry_policy import RetryAction

    assert RetryWhatCanChange().evaluate(error, try_number=1, max_tries=3).action is RetryAction.DEFAULT


def test_retries_back_off(add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]) -> None:
    add_spec(monitoring={})
    for task in [task for dag in load_dags().dags.values() for task in dag.tasks]:
        assert (task.retries, task.retry_delay.total_seconds(), task.retry_exponential_backoff) == (3, 30, 2)
        assert task.max_retry_delay.total_seconds() == 600
        assert isinstance(task.retry_policy, RetryWhatCanChange)
