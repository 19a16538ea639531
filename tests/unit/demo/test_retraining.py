from __future__ import annotations

import pytest

import demo.retraining
from demo.airflow_api import AirflowApi
from demo.retraining import Retraining, first_retraining
from tests.unit.demo.replays import retraining


class _Scheduled(AirflowApi):
    """An Airflow whose schedule has started these runs."""

    def __init__(self, *run_ids: str) -> None:
        self._run_ids = list(run_ids)

    def scheduled(self, dag_id: str) -> list[str]:
        assert dag_id == "flight_delay.retrain"
        return self._run_ids


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> dict[str, Retraining]:
    """Finished runs by id, to be filled in; the run by hand is `by hand`."""
    runs: dict[str, Retraining] = {}
    monkeypatch.setattr(demo.retraining, "wait_for_schedule", lambda *_: None)
    monkeypatch.setattr(demo.retraining, "retrain_by_hand", lambda *_: runs["by hand"])
    monkeypatch.setattr(demo.retraining, "finished_retraining", lambda _airflow, _model, run_id, _title: runs[run_id])
    return runs


def test_the_run_by_hand_makes_the_champion_and_no_other_is_looked_at(ended: dict[str, Retraining]) -> None:
    ended["by hand"] = retraining("by hand", champion=None, outcome="promote")
    assert first_retraining(_Scheduled("unknown"), "flight_delay") is ended["by hand"]


def test_a_scheduled_run_that_came_first_made_the_champion(ended: dict[str, Retraining]) -> None:
    ended["by hand"] = retraining("by hand", champion=0.65, outcome="reject")
    ended["scheduled"] = retraining("by schedule", champion=None, outcome="promote")
    assert first_retraining(_Scheduled("scheduled"), "flight_delay") is ended["scheduled"]


@pytest.mark.parametrize("scheduled", [(), ("scheduled",)])
def test_without_a_champion_the_run_by_hand_says_why(ended: dict[str, Retraining], scheduled: tuple[str, ...]) -> None:
    ended["by hand"] = retraining("by hand", champion=0.65, outcome="reject")
    ended["scheduled"] = retraining("by schedule", champion=None, outcome="reject")
    assert first_retraining(_Scheduled(*scheduled), "flight_delay") is ended["by hand"]
