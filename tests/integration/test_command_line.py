"""The console script on real files, a local store and MLflow on SQLite."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from perennial.cli import main as cli

SPEC = """\
name: late
task: classification
source: {uri: flights/, format: csv, event_time: at, key: [flight], window: {days: 30}}
target: {column: late}
features: {numeric: [distance, hour], categorical: [carrier]}
validation:
  - type: expect_column_values_to_be_between
    kwargs: {column: distance, min_value: 0}
model: {estimator: sklearn.linear_model.LogisticRegression}
evaluation:
  holdout: {days: 7}
  primary: roc_auc
  gates: {minimum: {roc_auc: 0.6}}
"""

pytestmark = pytest.mark.integration


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a spec and its data, in which the command runs."""
    for name in ("PERENNIAL_MODELS", "PERENNIAL_STORE", "PERENNIAL_DATA", "PERENNIAL_SQL_URL"):
        monkeypatch.delenv(name, raising=False)
    # MLflow keeps its connection to a database by its address: each test needs one of its own.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    models, landing = tmp_path / "dags" / "models", tmp_path / ".perennial" / "data" / "flights"
    models.mkdir(parents=True)
    landing.mkdir(parents=True)
    (models / "late.yaml").write_text(SPEC)
    flights().to_csv(landing / "january.csv", index=False)
    return SimpleNamespace(folder=tmp_path, spec=models / "late.yaml")


def flights(rows=1500):
    chance = np.random.default_rng(5)
    distance, hour = chance.normal(1000, 100, rows), chance.integers(0, 24, rows)
    late = (distance - 1000) / 100 + (hour - 12) / 6 + chance.normal(size=rows) > 0
    return pd.DataFrame(
        {
            "at": pd.date_range("2013-01-01", periods=rows, freq="30min", tz="UTC"),
            "flight": range(rows),
            "distance": distance,
            "hour": hour,
            "carrier": chance.choice(["AA", "UA"], rows),
            "late": late.astype(int),
        }
    )


@pytest.fixture
def perennial(project, monkeypatch, capsys):
    """Run the console script's entry; give back exit code, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["perennial", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return SimpleNamespace(returncode=ended.value.code or 0, stdout=output.out, stderr=output.err)

    return run


def change(project, was, becomes):
    text = project.spec.read_text()
    assert was in text
    project.spec.write_text(text.replace(was, becomes))


def versions(project):
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{project.folder}/mlflow.db")
    found = client.search_model_versions("name='late'")
    return {str(one.version): client.get_model_version("late", one.version).aliases for one in found}


def test_dry_run_promotion_the_same_again_and_rejection(project, perennial):
    dry = perennial("run", "late", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "Fit to promote" in dry.stdout
    assert "nothing was registered" in dry.stdout
    assert versions(project) == {}

    first = perennial("run", "late", "--reason", "the first")
    assert first.returncode == 0, first.stderr
    assert "late v1 is champion" in first.stdout
    assert first.stderr == ""

    again = perennial("run", "late", "--reason", "the first")
    assert again.returncode == 0, again.stderr
    assert versions(project) == {"1": ["champion"]}

    change(project, "roc_auc: 0.6", "roc_auc: 0.9999")
    rejected = perennial("run", "late")
    assert rejected.returncode == 3, rejected.stderr
    assert "Rejected: roc_auc" in rejected.stdout
    assert versions(project) == {"1": ["champion"], "2": ["challenger"]}


def test_what_the_data_lack_is_one_message_and_changes_nothing(project, perennial):
    change(project, "[distance, hour]", "[distance, huor]")
    failed = perennial("run", "late")
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: ")
    assert "huor" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (project.folder / "mlflow.db").exists()


def test_a_failed_expectation_ends_the_run_by_name(project, perennial):
    change(project, "min_value: 0", "min_value: 1000")
    failed = perennial("run", "late")
    assert failed.returncode == 1
    assert "expect_column_values_to_be_between" in failed.stderr
    assert "✗ validate" in failed.stdout


def test_a_query_runs_over_the_url_of_the_environment(project, perennial, monkeypatch):
    change(project, "uri: flights/, format: csv", "sql: SELECT * FROM flights, connection: db")
    without = perennial("run", "late", "--dry-run")
    assert without.returncode == 1
    assert "SQLAlchemy URL" in without.stderr

    with contextlib.closing(sqlite3.connect(project.folder / "flights.db")) as connection:
        flights().to_sql("flights", connection, index=False)
    monkeypatch.setenv("PERENNIAL_SQL_URL", f"sqlite:///{project.folder}/flights.db")
    done = perennial("run", "late", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Fit to promote" in done.stdout


def test_a_password_is_in_no_message(project, perennial):
    change(project, "uri: flights/, format: csv", "sql: SELECT * FROM flights, connection: db")
    failed = perennial("run", "late", "--sql-url", "postgresql://me:hidden@127.0.0.1:1/flights")
    assert failed.returncode == 1
    assert "hidden" not in failed.stdout + failed.stderr


def land(project, first, *, shift=0.0, rows=700):
    """Add a month of rows from row `first` on; a shift moves the distances."""
    frame = flights(first + rows)[first:]
    frame["distance"] += shift
    frame.to_csv(project.folder / ".perennial" / "data" / "flights" / f"{first:05d}.csv", index=False)


def test_monitor_says_what_came_of_each_look_by_its_exit_code_and_as_json(project, perennial):
    change(project, "evaluation:", "monitoring: {min_rows: 200, require: {checks: 1, of: 1}}\nevaluation:")

    def look():
        ended = perennial("monitor", "late", "--once", "--json")
        return ended.returncode, json.loads(ended.stdout), ended.stderr

    code, first, errors = look()
    assert (code, first["outcome"], first["sequence"]) == (5, "promoted", 1)
    assert first["retraining"]["version"] == "1"
    assert first["reasons"] == ["There is no champion yet."]
    assert "late v1 is champion" in errors

    code, nothing, errors = look()
    assert (code, nothing["outcome"], nothing["tests"], nothing["retraining"]) == (0, "nothing due", [], None)
    assert nothing["reasons"][0] == errors.strip()
    assert "0 new rows" in errors

    land(project, 1500)
    code, quiet, _ = look()
    assert (code, quiet["outcome"], quiet["sequence"], quiet["champion"], quiet["rows"]) == (6, "quiet", 2, "1", 700)
    assert {test["test"]: test["status"] for test in quiet["tests"]}["ks"] == "quiet"
    assert quiet["tests"][0]["columns"][0]["statistic"] < 0.1

    land(project, 2200, shift=150)
    change(project, "roc_auc: 0.6", "roc_auc: 0.9999")
    code, rejected, errors = look()
    assert (code, rejected["outcome"], rejected["retraining"]["version"]) == (3, "rejected", None)
    assert rejected["retraining"]["sentence"].startswith("Rejected: roc_auc")
    assert "Rejected: roc_auc" in errors

    land(project, 2900, shift=150)
    change(project, "evaluation:", "retraining: {cooldown_days: 30}\nevaluation:")
    code, held, _ = look()
    assert (code, held["outcome"], held["retraining"]) == (7, "held back", None)
    assert "the next one may be triggered from 2013-04-01" in " ".join(held["reasons"])

    (project.folder / ".perennial" / "data" / "flights" / "00000.csv").write_text("nothing\n")
    code, failed, errors = look()
    assert (code, failed["outcome"]) == (1, "error")
    assert errors.split() == ["error:", *failed["reasons"][0].split()]
