"""The slices of the spec in checks, over a real champion."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pandas as pd
import pytest

from perennial.monitoring.drift_tests.matured_tests import measure_metrics
from perennial.monitoring.records import DriftTestResult
from perennial.monitoring.report.page import render_report
from perennial.monitoring.steps import CheckReader, open_check
from perennial.spec import ModelSpec
from tests.watched_model import SPEC, TRAINED_ROWS, make_watched


def with_slices(**slices):
    asked = {"columns": ["kind", "x"], "min_rows": 100, "quantiles": 2, "max_drop": 0.1, **slices}
    return {"evaluation": SPEC["evaluation"] | {"primary": "log_loss", "slices": asked}}


@pytest.fixture(scope="module")
def champion(tmp_path_factory, mlflow_template):
    home = tmp_path_factory.mktemp("champion")
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    watched = make_watched(home / "model", f"sqlite:///{home}/mlflow.db", **with_slices())
    watched.retrain()
    return watched


@pytest.fixture
def watched(champion, tmp_path):
    return champion.copy(tmp_path / "model")


def performance(run) -> DriftTestResult:
    check = open_check(run)
    assert check is not None
    return measure_metrics(CheckReader(run), check)


def test_slices_that_are_as_before_are_in_the_result_and_quiet(watched):
    watched.land(TRAINED_ROWS, 800)
    found = performance(watched.run())
    assert found.status == "quiet"
    assert (found.slices.metric, found.figures["slices_judged"], found.figures["slices_worse"]) == ("log_loss", 4, 0)
    assert {one.name for one in found.slices.found} >= {"kind=a", "kind=b"}
    assert all(one.holdout is not None for one in found.slices.found)
    assert DriftTestResult.model_validate_json(found.model_dump_json()) == found


def test_a_fall_in_one_slice_is_named_and_only_a_floor_fires(watched):
    watched.land(TRAINED_ROWS, 800)
    (file,) = (watched.home / "rows").glob(f"*{TRAINED_ROWS}.parquet")
    frame = pd.read_parquet(file)
    frame["y"] ^= (frame["kind"] == "a") & (frame["id"] % 2 == 0)
    frame.to_parquet(file, index=False)
    found = performance(watched.run())
    assert found.slices.worse[0].name == "kind=a"
    assert "slices are worse than on the holdout beyond chance, first kind=a" in found.sentence
    assert found.status == "quiet"
    low = replace(watched, spec=ModelSpec.model_validate(SPEC | with_slices(floor=0.55)))
    assert performance(low.run()).status == "fired"


def test_the_report_shows_each_slice_beside_the_holdout(watched):
    watched.land(TRAINED_ROWS, 800)
    entry = watched.decide()
    page = render_report(CheckReader(watched.run()), entry).decode()
    assert "Slices of the rows whose labels have matured" in page
    assert "kind=a" in page
