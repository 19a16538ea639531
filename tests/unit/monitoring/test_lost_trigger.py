"""A retraining that a closed check called for is taken up again if it never came, and never if it came to anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from perennial.monitoring import ledger
from perennial.monitoring.lost_trigger import lost_trigger
from perennial.monitoring.records import MonitorState
from perennial.monitoring.steps import TESTS, CheckReader, make_test
from perennial.run import MonitorRun
from perennial.store.local import LocalStore
from tests.unit.monitoring.parcels import end_retraining, make_champion, make_entry, make_result

CLOSED = MonitorState(sequence=3, champion_version="1")


@pytest.fixture
def triggered(store: LocalStore) -> None:
    """Check 2 of 3 triggered a retraining."""
    for entry in (make_entry(1), make_entry(2, "trigger", make_result("ks")), make_entry(3, last_trigger=2)):
        ledger.append(store, entry)


@pytest.mark.usefixtures("triggered")
def test_one_of_which_nothing_is_known_is_lost(make_run: Callable[..., MonitorRun]) -> None:
    found = lost_trigger(make_run(), CLOSED, make_champion("1"))
    assert found is not None
    assert found.sequence == 2


@pytest.mark.usefixtures("triggered")
@pytest.mark.parametrize("result", ["promoted", "rejected"])
def test_one_that_ended_is_not(make_run: Callable[..., MonitorRun], store: LocalStore, result: str) -> None:
    end_retraining(store, "run-2", result)
    assert lost_trigger(make_run(), CLOSED, make_champion("1")) is None


@pytest.mark.usefixtures("triggered")
def test_one_that_failed_for_good_is_not(make_run: Callable[..., MonitorRun], store: LocalStore) -> None:
    ledger.record_failure(store, "parcels", "run-2", "bad rows")
    assert lost_trigger(make_run(), CLOSED, make_champion("1")) is None


@pytest.mark.usefixtures("triggered")
def test_one_that_was_killed_between_its_verdict_and_its_promotion_is(
    make_run: Callable[..., MonitorRun], store: LocalStore
) -> None:
    end_retraining(store, "run-2", "promoted")
    store.delete("parcels/runs/run-2/promotion.json")
    assert lost_trigger(make_run(), CLOSED, make_champion("1")) is not None


@pytest.mark.usefixtures("triggered")
def test_one_that_is_known_where_retrainings_run_is_not(make_run: Callable[..., MonitorRun]) -> None:
    run = make_run(was_started=lambda run_id: run_id == "run-2")
    assert lost_trigger(run, CLOSED, make_champion("1")) is None
    assert lost_trigger(make_run(active=("someone's",)), CLOSED, make_champion("1")) is None


@pytest.mark.usefixtures("triggered")
@pytest.mark.parametrize("champion", ["2", None])
def test_after_another_champion_nothing_is_owed(make_run: Callable[..., MonitorRun], champion: str | None) -> None:
    assert lost_trigger(make_run(), CLOSED, make_champion(champion) if champion else None) is None


@pytest.mark.usefixtures("triggered")
def test_only_the_newest_trigger_counts_and_not_before_its_check_is_closed(
    make_run: Callable[..., MonitorRun], store: LocalStore
) -> None:
    ledger.append(store, make_entry(4, "trigger", last_trigger=2))
    assert lost_trigger(make_run(), CLOSED, make_champion("1")) is None
    closed = CLOSED.model_copy(update={"sequence": 4})
    found = lost_trigger(make_run(), closed, make_champion("1"))
    assert found is not None
    assert found.sequence == 4
    ledger.record_failure(store, "parcels", "run-4", "bad rows")
    assert lost_trigger(make_run(), closed, make_champion("1")) is None


@pytest.mark.usefixtures("triggered")
def test_the_tests_of_a_decided_check_are_not_made_again(make_run: Callable[..., MonitorRun], tmp_path: Path) -> None:
    """Its rows, which nobody needs any more, are gone."""
    run = make_run()
    entry = ledger.read_entry(run.store, "parcels", 2)
    assert not (tmp_path / "data").exists()
    assert make_test(CheckReader(run), entry.check, "ks") == entry.results[0]
    assert set(TESTS) > {"ks"}
