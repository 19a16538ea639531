from __future__ import annotations

import random
import signal
from itertools import count
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import xgboost

from perennial.errors import Interrupted
from perennial.models.boosted import BoostedClassifier
from perennial.promotion.records import Verdict
from perennial.store import LocalStore
from perennial.store.sealed import seal
from perennial.training.checkpoints.checkpoints import Checkpoint, Checkpoints, checkpoints_of
from perennial.training.refit import refit
from perennial.training.train import train
from tests.integration.killed_process import KilledProcess

ROWS = np.random.default_rng(3).normal(size=(600, 4))
ROWS[::7, 1], ROWS[:, 3] = np.nan, np.random.default_rng(1).integers(0, 6, 600)
LABELS = (ROWS[:, 0] + ROWS[:, 3] % 2 + np.random.default_rng(4).normal(size=600) > 0).astype(int)
EVERY_ROUND = 0.0
PROMOTED = Verdict(outcome="promote", consequence="promote", sentence="Better.", blessings=(), champion_version=None)
ROUNDS = 30


@pytest.fixture
def own_handler():
    """Return what takes SIGTERM in this process; like Airflow's, it returns and lets the task go on."""

    def take(*_):
        take.signals += 1

    take.signals = 0
    before = signal.signal(signal.SIGTERM, take)
    yield take
    signal.signal(signal.SIGTERM, before)


def booster(kind, **params):
    quiet = {"verbosity": -1} if kind is lightgbm.LGBMClassifier else {}
    return BoostedClassifier(kind(n_estimators=ROUNDS, n_jobs=1, random_state=1, **quiet, **params), (3,))


def terminated_in_round(number):
    """Return a clock that sends SIGTERM while a round is being made, and on which no time passes."""
    calls = count()

    def clock():
        if next(calls) == number:
            signal.raise_signal(signal.SIGTERM)
        return 0.0

    return clock


@pytest.mark.parametrize("kind", [lightgbm.LGBMClassifier, xgboost.XGBClassifier])
def test_sigterm_writes_a_checkpoint_and_ends_and_the_next_fit_goes_on_to_the_same_model(kind, tmp_path, own_handler):
    store = LocalStore(tmp_path)
    first = Checkpoints(store, "late", "f1", 1e9, terminated_in_round(12))
    with pytest.raises(Interrupted, match="SIGTERM ended the fit after 12 of 30 iterations") as interrupted:
        first.train(booster(kind), None, ROWS, LABELS, None)
    assert interrupted.value.retryable
    assert (signal.getsignal(signal.SIGTERM), own_handler.signals) == (own_handler, 1)

    second = Checkpoints(store, "late", "f1", 1e9)
    kept = second.find()
    assert (kept.made, kept.asked) == (12, ROUNDS)
    again = booster(kind)
    second.train(again, kept, ROWS, LABELS, None)
    undisturbed = booster(kind).fit(ROWS, LABELS)
    assert np.array_equal(again.predict_proba(ROWS), undisturbed.predict_proba(ROWS))


@pytest.mark.parametrize("kind", [lightgbm.LGBMClassifier, xgboost.XGBClassifier])
def test_what_was_fitted_to_the_end_is_not_fitted_again(kind, tmp_path):
    checkpoints = Checkpoints(LocalStore(tmp_path), "late", "f1", EVERY_ROUND)
    first, again = booster(kind), booster(kind)
    checkpoints.train(first, None, ROWS, LABELS, None)
    kept = checkpoints.find()
    assert kept.made == ROUNDS
    checkpoints.train(again, kept, ROWS[:0], LABELS, None)
    assert np.array_equal(again.predict_proba(ROWS), first.predict_proba(ROWS))
    checkpoints.discard()
    assert checkpoints.find() is None


@pytest.mark.parametrize(
    ("kind", "sampling"),
    [
        (lightgbm.LGBMClassifier, {"subsample": 0.7, "subsample_freq": 1, "colsample_bytree": 0.6}),
        (xgboost.XGBClassifier, {"subsample": 0.7, "colsample_bytree": 0.6}),
    ],
)
def test_rounds_that_draw_at_random_give_another_model_that_is_as_good(kind, sampling, tmp_path, own_handler):
    checkpoints = Checkpoints(LocalStore(tmp_path), "late", "f1", 1e9, terminated_in_round(12))
    with pytest.raises(Interrupted):
        checkpoints.train(booster(kind, **sampling), None, ROWS[:400], LABELS[:400], None)
    again, kept = booster(kind, **sampling), checkpoints.find()
    assert 0 < kept.made < ROUNDS
    Checkpoints(LocalStore(tmp_path), "late", "f1", 1e9).train(again, kept, ROWS[:400], LABELS[:400], None)
    undisturbed = booster(kind, **sampling).fit(ROWS[:400], LABELS[:400])
    right = [(one.predict(ROWS[400:]) == LABELS[400:]).mean() for one in (again, undisturbed)]
    assert again._library().made(again.booster_) == ROUNDS
    # Three standard errors of a share of 200 rows.
    assert abs(right[0] - right[1]) < 3 * np.sqrt(0.25 / 200)


def test_a_damaged_checkpoint_and_one_of_another_fit_are_said_and_not_used(tmp_path, caplog):
    checkpoints = Checkpoints(LocalStore(tmp_path), "late", "f1", EVERY_ROUND)
    foreign = seal(Checkpoint(fit="f2", made=1, asked=2, state=""))
    checkpoints.store.write(checkpoints.key, foreign)
    assert checkpoints.find() is None
    assert "is a checkpoint of another fit, f2: this fit begins anew" in caplog.text
    checkpoints.store.write(checkpoints.key, foreign.replace(b"f2", b"f1"))
    assert checkpoints.find() is None
    assert "late/checkpoints/f1.json is damaged" in caplog.text


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fits")
    script, settings = Path(__file__).with_name("fitting_process.py"), {"answer": str(folder / "answer.json")}
    process = KilledProcess.start(script, settings, folder)
    yield process, folder
    process.end()


@pytest.mark.crash
@pytest.mark.parametrize("estimator", ["LightGBM", "XGBoost", "forest", "boosting", "network"])
def test_ten_kills_do_not_change_the_model_and_no_iteration_is_made_twice_beyond_a_checkpoint(estimator, process):
    running, folder = process
    (made := folder / "iterations").unlink(missing_ok=True)
    order = {"estimator": estimator, "store": str(folder / estimator / "undisturbed")}
    undisturbed = running.run(order)
    iterations = [int(line) for line in made.read_text().split()]
    assert iterations == list(range(1, len(iterations) + 1))

    made.unlink()
    kills, chance, order = 0, random.Random(2013), order | {"store": str(folder / estimator / "disturbed")}
    while kills < 10:
        kills += running.run(order, chance.uniform(0, undisturbed["seconds"] / 3))["killed"]
    assert running.run(order)["outcome"] == undisturbed["outcome"]
    again = [int(line) for line in made.read_text().split()]
    assert sorted(set(again)) == iterations
    assert len(again) <= len(iterations) + kills


def test_a_retraining_ended_in_its_fit_goes_on_there_and_leaves_no_checkpoint(
    make_spec, rows, prepare, monkeypatch, own_handler
):
    model = {"params": {"n_estimators": ROUNDS, "n_jobs": 1}, "checkpoint_minutes": 5.0}
    run, snapshot = prepare(make_spec("lightgbm.LGBMClassifier", model=model), rows)
    ended = Checkpoints.train

    def end_in_round_12(self, *arguments):
        ended(Checkpoints(self.store, self.model, self.fit, self.every_s, terminated_in_round(12)), *arguments)

    candidate = None
    for stage in (lambda _: train(run, snapshot), lambda candidate: refit(run, snapshot, candidate, PROMOTED)):
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoints, "train", end_in_round_12)
            with pytest.raises(Interrupted):
                stage(candidate)
        (kept,) = run.store.list("late/checkpoints/")
        assert own_handler.signals
        assert kept.size_bytes > 1000
        made = stage(candidate)
        candidate = candidate or made
        assert not list(run.store.list("late/checkpoints/"))
    assert not made.discarded


def test_without_the_setting_nothing_is_stored(make_spec, rows, prepare):
    run, _ = prepare(make_spec(), rows)
    assert checkpoints_of(run, "f1") is None
