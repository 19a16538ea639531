"""A model with two windows, from its rows to its champion: each retraining makes a member of each window."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from perennial.backup.verify import verify
from perennial.ensemble.model import EnsembleModel
from perennial.errors import TrainingError
from perennial.registry.bundles import load_champion
from perennial.registry.champions import current_champion
from perennial.run import RetrainingRun
from perennial.stages import STAGES
from perennial.training import train as train_module
from perennial.training.reproduce import reproduce
from tests.watched_model import END, SPEC, Watched, make_watched

DAY = timedelta(days=1)
LONG, SHORT = 2 * DAY, DAY
PARTS = {
    "source": {**SPEC["source"], "window": [{"days": 1}, {"days": 2}]},
    "model": {**SPEC["model"], "ensemble": {"members": 3}},
    "evaluation": {**SPEC["evaluation"], "gates": {"tolerance": 0.05}},
}


def run_all(watched: Watched, run_id: str, **changes: Any) -> dict[str, Any]:
    """Run all stages, each twice, and expect the same record."""
    run = RetrainingRun(**(watched.arguments | {"run_id": run_id} | changes))
    made: dict[str, Any] = {}
    for stage in STAGES.values():
        taken = [made.get(name) for name in stage.takes]
        if not stage.why_not(run, *taken):
            made[stage.makes] = stage(run, *taken)
            if stage.owns_run:
                assert stage(run, *taken) == made[stage.makes], stage.name
    return made


@pytest.fixture(scope="module")
def first_and_second(
    tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path
) -> tuple[Watched, dict[str, Any], dict[str, Any]]:
    home = tmp_path_factory.mktemp("windows")
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    watched = make_watched(home / "model", f"sqlite:///{home}/mlflow.db", **PARTS)
    first = run_all(watched, "first")
    watched.land(3000, 1000)
    return watched, first, run_all(watched, "second")


@pytest.fixture
def watched(first_and_second) -> Watched:
    return first_and_second[0]


@pytest.fixture
def first(first_and_second) -> dict[str, Any]:
    return first_and_second[1]


@pytest.fixture
def second(first_and_second) -> dict[str, Any]:
    return first_and_second[2]


def members(made: dict[str, Any]) -> list[str]:
    return [one.mlflow_run_id for one in made["evaluation"].ensemble.members]


def test_one_snapshot_of_the_longest_window_gives_a_candidate_of_each(first):
    long, short = first["candidate"].each
    assert first["snapshot"].start == END - LONG + timedelta(minutes=1)
    assert long.split.train_start == first["snapshot"].start
    assert short.split.train_start == END - SHORT + timedelta(minutes=1)
    assert long.split.train_rows > short.split.train_rows
    assert (long.split.holdout_start, long.split.holdout_rows) == (short.split.holdout_start, short.split.holdout_rows)
    assert first["candidate"].mlflow_run_id == short.mlflow_run_id, "the first window of the list comes last"


def test_each_is_refit_on_all_rows_of_its_own_window(first):
    long, short = first["refit"].each
    assert (long.served.rows, short.served.rows) == (2880, 1440)
    assert long.served.train_end == short.served.train_end == END


def test_the_first_champion_is_an_ensemble_already(first):
    assert members(first) == [one.mlflow_run_id for one in first["candidate"].each]
    assert first["assembly"].members == 2
    for oldest in ("2024-01-01", "2024-01-02"):
        assert f"2024-01-03 (rows from {oldest}) " in first["assembly"].sentence
    assert first["promotion"].version == "1"


def test_the_newest_members_are_counted_over_all_windows(watched, first, second):
    own = [one.mlflow_run_id for one in second["candidate"].each]
    assert members(second) == [first["candidate"].mlflow_run_id, *own]
    assert "2 models, one for each window, are judged together with the model of champion v1" in " ".join(
        second["evaluation"].notes
    )
    champion = current_champion(watched.deployment.store, watched.tracking_uri, watched.spec.name)
    bundle = load_champion(watched.run(), champion)
    assert isinstance(bundle.model, EnsembleModel)
    assert list(bundle.model.members) == members(second)
    assert champion.mlflow_run_id == own[-1]
    assert champion.train_end == second["snapshot"].end


def test_its_parts_are_verified_and_the_first_windows_member_is_trained_again(watched):
    assert verify(watched.deployment.store, watched.tracking_uri, watched.spec, deep=True).problems == ()
    repeated = reproduce(watched.run(), "champion")
    assert repeated.identical, repeated.sentence
    assert repeated.served.fitted_rows == 1440


def test_a_check_weighs_the_members_of_all_windows_and_tells_them_apart(watched, second, tmp_path):
    mine = watched.copy(tmp_path / "mine")
    mine.land(4000, 1000)
    moved = mine.decide().reweighting
    assert [one.mlflow_run_id for one in moved.members] == members(second)
    assert "(rows from " in moved.sentence


def test_days_of_a_run_replace_all_windows(watched):
    changed = {"run_id": "third", "window_days": 1.25, "dry_run": True}
    run = RetrainingRun(**(watched.arguments | changed))
    snapshot = STAGES["ingest"](run)
    candidate = STAGES["train"](run, snapshot)
    assert candidate.others == ()
    assert candidate.split.train_start == snapshot.start


def test_a_training_that_ends_between_two_windows_goes_on_with_the_second(tmp_path, mlflow_uri, monkeypatch):
    watched = make_watched(tmp_path / "model", mlflow_uri, **PARTS)
    run = RetrainingRun(**(watched.arguments | {"run_id": "broken"}))
    snapshot = STAGES["ingest"](run)
    prepare, fits = train_module.prepare_fit, []

    def fail_at_the_second(spec, rows, **more):
        fits.append(len(rows))
        if len(fits) == 2:
            raise TrainingError("out of memory")
        return prepare(spec, rows, **more)

    monkeypatch.setattr(train_module, "prepare_fit", fail_at_the_second)
    with pytest.raises(TrainingError):
        STAGES["train"](run, snapshot)
    candidate = STAGES["train"](run, snapshot)
    assert len(fits) == 3, "the first window's candidate is kept"
    assert len({one.mlflow_run_id for one in candidate.each}) == 2
    finished = MlflowClient(mlflow_uri).search_runs([candidate.experiment_id])
    assert sorted(one.data.params["window"] for one in finished) == ["the last 1 days", "the last 2 days"]
