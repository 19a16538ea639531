"""A search on the command line: in helper processes, with its progress."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import optuna

from perennial.cli.search import search
from perennial.data.ingest import ingest
from perennial.deployment import Deployment
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore


def test_two_helpers_do_all_trials_and_say_how_far_they_are(make_spec, rows, tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    (tmp_path / "data" / "rows").mkdir(parents=True)
    rows.to_parquet(tmp_path / "data" / "rows" / "part.parquet")
    logistic = {
        "estimator": "sklearn.linear_model.LogisticRegression",
        "search": {"C": {"low": 0.01, "high": 10.0, "log": True}},
    }
    spec = ModelSpec.model_validate(
        make_spec().model_dump(exclude_unset=True)
        | {
            "model": {"candidates": [logistic]},
            "tuning": {"trials": 4, "parallel": 2},
            "cross_validation": {"folds": 2},
        }
    )
    run = RetrainingRun(
        spec=spec,
        deployment=Deployment(
            store=LocalStore(tmp_path / "store"),
            tracking_uri=f"sqlite:///{tmp_path}/mlflow.db",
            data_root=tmp_path / "data",
            tuning_url=f"sqlite:///{tmp_path}/tuning.db",
        ),
        run_id="cli-1",
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    monkeypatch.setattr("perennial.tuning.search._champions_choice", lambda _: None)
    said: list[str] = []
    snapshot = ingest(run)

    found = search(run, snapshot, said.append)

    assert (found.trials, found.sentence) == (4, "4 trials have ended.")
    trials = optuna.load_study(study_name=found.study, storage=run.deployment.tuning_url).get_trials()
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    assert len({re.search(r'"process":(\d+)', trial.user_attrs["owner"])[1] for trial in trials}) <= 2
    assert said[0] == "0 of 4 trials"
    # What a helper could not do, this process does.
    more = search(
        replace(run, trials=5, spec=spec.model_copy(update={"tuning": spec.tuning.model_copy(update={"parallel": 1})})),
        snapshot,
        said.append,
    )
    assert more.trials == 5
    assert re.fullmatch(r"5 of 5 trials, best roc_auc 0\.\d{4}", said[-1])
