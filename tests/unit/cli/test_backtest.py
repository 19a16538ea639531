"""`perennial backtest` replays here, goes on where it was interrupted, and says what it cannot replay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from perennial.cli.main import app
from perennial.errors import PerennialError
from tests.unit.policy.conftest import drifting_rows

SPEC = {
    "name": "turning",
    "task": "classification",
    "source": {"uri": "rows/", "event_time": "at", "window": {"days": 20}},
    "target": {"column": "y"},
    "features": {"numeric": ["x", "z"]},
    "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
    "evaluation": {"holdout": {"days": 4}, "primary": "roc_auc", "gates": {"min_rows": 20}},
    "monitoring": {"page_hinkley": None},
    "retraining": {"triggers": ["ks"]},
}


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "data" / "rows").mkdir(parents=True)
    drifting_rows().to_parquet(tmp_path / "data" / "rows" / "rows.parquet")
    (tmp_path / "turning.yaml").write_text(yaml.safe_dump(SPEC))
    monkeypatch.setenv("PERENNIAL_DATA", str(tmp_path / "data"))
    return ["backtest", "turning", "--models", str(tmp_path), "--store", str(tmp_path / "store"), "--batches", "5"]


def test_it_prints_the_finding_and_where_the_page_lies(arguments, tmp_path):
    said = CliRunner().invoke(app, [*arguments, "--processes", "1"], catch_exceptions=False)
    assert said.exit_code == 0
    assert "training after every batch gained" in " ".join(said.output.split())
    (page,) = (tmp_path / "store").rglob("backtest.html")
    assert page.name in said.output


def test_helpers_train_the_same_and_a_second_call_trains_nothing(arguments, tmp_path):
    first = CliRunner().invoke(app, [*arguments, "--processes", "2", "--json"], catch_exceptions=False)
    models = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("models/*.json")}
    again = CliRunner().invoke(app, [*arguments, "--processes", "1", "--json"], catch_exceptions=False)
    assert len(models) == 5
    assert {path: path.stat().st_mtime_ns for path in models} == models
    one, other = (json.loads(said.stdout) for said in (first, again))
    assert [policy["scores"] for policy in one["policies"]] == [policy["scores"] for policy in other["policies"]]


@pytest.mark.parametrize(
    ("option", "said"),
    [(["--days", "0"], "--days 0"), (["--days", "4000"], "nothing to train"), (["--batches", "2"], "4 to 200")],
)
def test_it_says_what_cannot_be_replayed(arguments, option, said):
    with pytest.raises(PerennialError, match=said):
        CliRunner().invoke(app, [*arguments, *option], catch_exceptions=False)
