"""A search whose process is killed at random points ends with the trials that it would have had undisturbed."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.integration.killed_process import KilledProcess

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(300)]

KILLS = 5
TRIALS = 5


def start(folder: Path, spec: Path, flights: Path) -> KilledProcess:
    folder.mkdir()
    settings = {
        "spec": str(spec),
        "store": str(folder / "store"),
        "run_id": "crash-test",
        "tracking_uri": f"sqlite:///{folder / 'mlflow.db'}",
        "data_root": str(flights),
        "answer": str(folder / "answer.json"),
    }
    return KilledProcess.start(Path(__file__).with_name("stage_process.py"), settings, folder)


def trials_in(folder: Path, study: str) -> list[FrozenTrial]:
    storage = f"sqlite:///{folder / '.perennial' / 'tuning.db'}"
    return optuna.load_study(study_name=study, storage=storage).get_trials()


def test_no_kill_loses_repeats_or_changes_a_trial(flights: Path, flight_spec: Path, tmp_path: Path) -> None:
    spec, text = tmp_path / "searching.yaml", flight_spec.read_text()
    before, after = text.index("model:"), text.index("evaluation:")
    # Proposals of `random` depend on a trial's place only, so they are the same also if an earlier trial has failed.
    spec.write_text(
        f"{text[:before]}model:\n  candidates:\n  - estimator: sklearn.ensemble.ExtraTreesClassifier\n"
        # Most of the time must be that of trials, so that kills hit them.
        "    params: {n_estimators: 60}\n"
        "    search: {max_depth: {low: 2, high: 30}, min_samples_leaf: {low: 1, high: 200, log: true}}\n"
        f"tuning: {{trials: {TRIALS}, sampler: random}}\ncross_validation: {{folds: 3}}\n{text[after:]}"
    )
    found: dict[str, Any] = {}
    for name, kills in (("undisturbed", 0), ("disturbed", KILLS)):
        process = start(tmp_path / name, spec, flights)
        try:
            ingested = process.run({"stage": "ingest", "arguments": []})["outcome"]
            order = {"stage": "tune", "arguments": [ingested]}
            seconds = found["seconds"] if kills else 0.0
            if kills:
                process.run_killed(order, kills=kills, seconds=seconds, chance=random.Random(2013))
            else:
                found["seconds"] = process.run(order)["seconds"]
            chosen = {"stage": "choose", "arguments": [ingested]}
            found[name] = process.run_killed(chosen, kills=kills // 5, seconds=2.0, chance=random.Random(7))
        finally:
            process.end()

    undisturbed, disturbed = (trials_in(tmp_path / name, found[name]["study"]) for name in ("undisturbed", "disturbed"))
    expected = {trial.user_attrs["place"]: trial for trial in undisturbed}
    counted = [trial for trial in disturbed if "given_back" not in trial.user_attrs]
    assert Counter(trial.user_attrs["place"] for trial in counted) == dict.fromkeys(range(TRIALS), 1)
    assert {trial.state for trial in undisturbed} == {TrialState.COMPLETE}
    for trial in counted:
        undisturbed_one = expected[trial.user_attrs["place"]]
        if trial.state == TrialState.COMPLETE:
            assert (trial.params, trial.value) == (undisturbed_one.params, undisturbed_one.value)
        else:
            assert trial.user_attrs["reason"].startswith("its process died 3 times")
    scores = [trial.value for trial in counted if trial.state == TrialState.COMPLETE]
    assert found["disturbed"]["score"] == max(scores)
    assert any("given_back" in trial.user_attrs for trial in disturbed)
