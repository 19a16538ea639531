from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from perennial.data.folds import plan_folds
from perennial.data.split import split_by_time
from perennial.errors import TrainingError
from perennial.registry.tracking import Tracker
from perennial.training.cross_validation import cross_validate
from perennial.training.train import train
from tests.unit.conftest import MakeSpec

Prepare = Callable[..., tuple[Any, Any]]


def test_a_candidate_has_the_scores_of_its_folds_beside_it(
    make_spec: MakeSpec, rows: pd.DataFrame, prepare: Prepare, tmp_path: Path
) -> None:
    spec = make_spec(cross_validation={"kind": "time", "folds": 3, "embargo_days": 0.25})
    run, snapshot = prepare(spec, rows)
    candidate = train(run, snapshot)

    # Whatever the holdout has, the folds are scored as if it did not exist.
    learnt = split_by_time(rows, spec).train
    alone = cross_validate(spec, learnt, plan_folds(learnt, spec)).scores["roc_auc"]
    client = Tracker(run.tracking_uri).client
    metrics = client.get_run(candidate.mlflow_run_id).data.metrics
    assert metrics["folds.roc_auc.mean"] == pytest.approx(alone.mean)
    assert metrics["folds.roc_auc.spread"] == pytest.approx(alone.spread)
    history = client.get_metric_history(candidate.mlflow_run_id, "folds.roc_auc")
    assert {value.step: value.value for value in history} == pytest.approx(dict(enumerate(alone.folds, start=1)))

    client.download_artifacts(candidate.mlflow_run_id, "cross_validation", str(tmp_path))
    folder = tmp_path / "cross_validation"
    assert {file.name for file in folder.iterdir()} == {"folds.json", "folds.png", "scores.png"}
    folds = json.loads((folder / "folds.json").read_text())["folds"]
    assert [fold["number"] for fold in folds] == [1, 2, 3]
    assert folds[-1]["test"]["end"] == learnt["at"].iloc[-1].isoformat()


def test_leave_one_out_logs_one_figure_for_each_metric(
    make_spec: MakeSpec, rows: pd.DataFrame, prepare: Prepare
) -> None:
    spec = make_spec(
        cross_validation={"kind": "leave_one_out", "time_limit_minutes": 10},
        evaluation={"holdout": {"rows": 375}, "primary": "roc_auc"},
    )
    run, snapshot = prepare(spec, rows)
    candidate = train(run, snapshot)
    metrics = Tracker(run.tracking_uri).client.get_run(candidate.mlflow_run_id).data.metrics
    assert 0.5 < metrics["folds.roc_auc.mean"] <= 1
    assert {name for name in metrics if name.startswith("folds.roc_auc")} == {"folds.roc_auc.mean"}


def test_groups_are_read_from_a_column_that_is_no_feature(
    make_spec: MakeSpec, rows: pd.DataFrame, prepare: Prepare
) -> None:
    rows["customer"] = [f"c{place % 3}" for place in range(len(rows))]
    spec = make_spec(cross_validation={"kind": "leave_one_group_out", "group": "customer"})
    run, snapshot = prepare(spec, rows)
    candidate = train(run, snapshot)
    history = Tracker(run.tracking_uri).client.get_metric_history(candidate.mlflow_run_id, "folds.roc_auc")
    assert len(history) == 3


def test_a_fold_that_fails_marks_the_run_as_failed(make_spec: MakeSpec, rows: pd.DataFrame, prepare: Prepare) -> None:
    rows.loc[:200, "gap"] = float("nan")
    run, snapshot = prepare(make_spec(cross_validation={"folds": 3}), rows)
    with pytest.raises(TrainingError, match="fold 1 of 3: feature 'gap' has no value"):
        train(run, snapshot)
    tracker = Tracker(run.tracking_uri)
    (failed,) = tracker.client.search_runs([tracker.experiment_id("perennial/late")])
    assert failed.info.status == "FAILED"
