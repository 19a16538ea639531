"""A queue of trials that several processes share, some of which die."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib.util import find_spec

import optuna
import pytest
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from perennial.errors import SpecError, StudyUnavailable, TrainingError
from perennial.spec.tuning import Tuning
from perennial.store.lease import Owner
from perennial.tuning import trial_queue
from perennial.tuning.storage import open_storage, storage_errors
from perennial.tuning.trial_queue import MOST_DEATHS, PLACE, TrialQueue

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ELSEWHERE = Owner.this_process("a worker of another machine", NOW).model_copy(update={"process_place": "elsewhere"})


def queue_at(url: str, owner: Owner | None = None, **tuning: object) -> TrialQueue:
    owner = owner or Owner.this_process("a test", NOW)
    settings = Tuning.model_validate({"seed": 3, **tuning})
    return TrialQueue(open_storage(url), "late/run", settings, [StudyDirection.MAXIMIZE], owner)


def finish(queue: TrialQueue, *, at_most: int = 100) -> list[float]:
    """Take trials and tell the value of their only parameter; return the values in their order."""
    values: list[float] = []
    while len(values) < at_most and (taken := queue.take()) is not None:
        trial = taken[1]
        values.append(trial.suggest_float("x", 0, 1))
        trial.study.tell(trial.number, values[-1])
    return values


def test_as_many_trials_are_made_as_there_are_places(url):
    queue = queue_at(url)
    queue.fill("search", 4)
    assert not queue.is_done()
    assert len(finish(queue)) == 4
    assert queue.is_done()


def test_filling_again_makes_what_is_missing_and_nothing_twice(url):
    queue = queue_at(url)
    queue.fill("search", 2, [("champion", {"x": 0.25})])
    assert finish(queue)[0] == 0.25
    queue.fill("search", 2, [("champion", {"x": 0.25})])
    assert queue.is_done()
    queue.fill("search", 3)
    assert len(finish(queue)) == 1


needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="TORCH IS NOT INSTALLED, gp NOT TESTED")


@pytest.mark.parametrize("sampler", ["random", "tpe", "cmaes", "nsga2", pytest.param("gp", marks=needs_torch)])
def test_an_interrupted_search_goes_on_as_if_nothing_had_happened(sampler):
    def queue_in(storage: BaseStorage) -> TrialQueue:
        owner, settings = Owner.this_process("a test", NOW), Tuning.model_validate({"seed": 3, "sampler": sampler})
        return TrialQueue(storage, "late/run", settings, [StudyDirection.MAXIMIZE], owner)

    undisturbed, disturbed = InMemoryStorage(), InMemoryStorage()
    queue_in(undisturbed).fill("search", 14)
    values = finish(queue_in(undisturbed))
    queue_in(disturbed).fill("search", 14)
    parts = [finish(queue_in(disturbed), at_most=number) for number in (1, 11, 9)]
    assert [value for part in parts for value in part] == values
    # The best value is the end of the range, to which a sampler may come back.
    assert len(set(values)) > 10


def test_the_trial_of_a_dead_process_is_given_back_at_once_with_its_parameters(url):
    context = multiprocessing.get_context("fork")
    queue_at(url).fill("search", 2)
    process = context.Process(target=lambda: queue_at(url).take()[1].suggest_float("x", 0, 1))
    process.start()
    process.join()
    (lost,) = [trial for trial in queue_at(url).trials().values() if trial.state == TrialState.RUNNING]
    queue = queue_at(url)
    values = finish(queue)
    assert len(values) == 2
    assert {trial.user_attrs[PLACE]: trial.value for trial in queue.trials().values()}[0] == lost.params["x"]


def test_the_trial_of_a_silent_process_elsewhere_is_given_back_when_its_time_is_over(url, monkeypatch):
    queue_at(url).fill("search", 1)
    silent = queue_at(url, ELSEWHERE)
    _, lost = silent.take()
    monkeypatch.setattr(trial_queue, "_LOOK_S", 0.01)
    monkeypatch.setattr(trial_queue, "LAPSE_S", 0.2)
    queue = queue_at(url)
    assert len(finish(queue)) == 1
    # What the silent one tells later is not taken.
    lost.study.tell(lost.number, 5.0, skip_if_finished=True)
    assert [trial.state for trial in queue.trials().values()] == [TrialState.COMPLETE]
    assert queue.trials()[0].value != 5.0


def test_a_process_that_says_it_is_at_work_keeps_its_trial(url, monkeypatch):
    monkeypatch.setattr(trial_queue, "_BEAT_S", 0.05)
    monkeypatch.setattr(trial_queue, "LAPSE_S", 0.5)
    queue_at(url).fill("search", 1)
    busy, other = queue_at(url, ELSEWHERE), queue_at(url)
    _, trial = busy.take()
    with busy.at_work(trial):
        for _ in range(8):
            assert not other._give_back(other.trials().values())
            trial_queue.time.sleep(0.1)


def test_a_trial_under_which_every_process_dies_fails_in_the_end(url):
    queue_at(url).fill("search", 1)
    context = multiprocessing.get_context("fork")
    for _ in range(MOST_DEATHS):
        process = context.Process(target=lambda: queue_at(url).take())
        process.start()
        process.join()
    queue = queue_at(url)
    assert finish(queue) == []
    assert queue.trials()[0].user_attrs["reason"].startswith("its process died 3 times")


def test_two_processes_never_take_the_same_trial(url):
    queue_at(url).fill("search", 12)
    # Not `Pool`, which ends its processes by a signal: those of a process in which Airflow ran a task do not end by it.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        made = list(processes.map(_finish_at, [url, url]))
    assert sum(map(len, made)) == 12
    assert len(queue_at(url)._study().get_trials()) == 12


def _finish_at(url: str) -> list[float]:
    return finish(queue_at(url, sampler="random"))


def test_no_trial_starts_after_the_time_is_over(url):
    queue = queue_at(url, minutes=1e-9)
    queue.fill("search", 5)
    assert len(finish(queue)) == 1
    assert queue.is_done()


def test_a_study_of_another_search_is_named(url):
    queue_at(url).fill("one search", 1)
    with pytest.raises(TrainingError, match="study 'late/run' was made by another search"):
        queue_at(url).fill("another search", 1)
    optuna.create_study(study_name="foreign", storage=url).ask()
    foreign = queue_at(url)
    foreign.name = "foreign"
    with pytest.raises(TrainingError, match="not by Perennial"):
        foreign.fill("one search", 1)


def test_a_storage_that_does_not_answer_is_said_without_its_password(monkeypatch):
    monkeypatch.setattr("perennial.tuning.storage._connected.retry.wait", lambda _: 0)
    with pytest.raises(StudyUnavailable, match=r"at postgresql://127.0.0.1:1/optuna does not answer") as caught:
        open_storage("postgresql://me:topsecret@127.0.0.1:1/optuna")
    assert "topsecret" not in str(caught.value)
    assert caught.value.retryable


def test_a_url_of_no_database_is_refused():
    with pytest.raises(SpecError, match="cannot be used"):
        open_storage("somewhere")
    with pytest.raises(SpecError, match="PostgreSQL database or a SQLite file"), storage_errors("x://"):
        open_storage("x://y/z")
