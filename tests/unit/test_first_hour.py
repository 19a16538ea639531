"""A newcomer's usual mistakes, each met where it is known, in words that lead on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from perennial.cli import main as cli

SPEC = """\
name: busy
task: classification
source:
  uri: orders/
  format: csv
  event_time: ordered_at
  time_zone: Europe/Berlin
  window: {rows: 475}
target: {column: busy, positive: 'yes'}
features: {numeric: [items]}
model: {estimator: sklearn.linear_model.LogisticRegression}
evaluation:
  holdout: {fraction: 0.3}
  primary: roc_auc
monitoring: {min_rows: 200}
"""

Perennial = Callable[..., tuple[int, str]]


@pytest.fixture
def perennial(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Perennial:
    """Run the command over the newcomer's file, with one text in the spec replaced; return exit code and output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PERENNIAL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PERENNIAL_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PERENNIAL_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("COLUMNS", "500")
    (tmp_path / "data" / "orders").mkdir(parents=True)
    (tmp_path / "models").mkdir()
    begin = datetime(2025, 1, 1)
    lines = [f"{begin + timedelta(hours=3 * i)},{i % 7},{'yes' if i % 3 else 'no'}" for i in range(600)]
    (tmp_path / "data" / "orders" / "orders.csv").write_text("\n".join(["ordered_at,items,busy", *lines]))

    def run(command: str, was: str = "", becomes: str = "") -> tuple[int, str]:
        assert was in SPEC
        (tmp_path / "models" / "busy.yaml").write_text(SPEC.replace(was, becomes, 1) if was else SPEC)
        monkeypatch.setattr(sys, "argv", ["perennial", command, *(["busy"] if command == "run" else [])])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return int(ended.value.code or 0), output.out + output.err

    return run


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("name: busy", "name: busi", "no model named 'busy': it has busi (did you mean 'busi'?)"),
        ("items]", "item]", "feature 'item' (did you mean 'items'?)"),
        ("uri: orders/", "uri: order/", "order/"),
        ("  format: csv\n", "", "has no .parquet files, but 1 .csv: set source.format to csv"),
        ("  time_zone: Europe/Berlin\n", "", "has no zone: write it with one, or give source.time_zone in the spec"),
        ("event_time: ordered_at", "event_time: items", "orders/orders.csv: row 1, column 'items'"),
        (", positive: 'yes'", "", "target.positive is not set, and the labels of 'busy' are 'no', 'yes'"),
        ("{rows: 475}", "{days: 0.5}", "labelled rows are left to train on"),
        ("LogisticRegression", "LogisticRegresion", "LogisticRegresion cannot be imported"),
        ("fraction: 0.3", "fraction: 0.2", "are 95, which never passes the gate min_rows: it needs 100"),
    ],
)
def test_a_mistake_is_said_at_ingest_or_before(perennial: Perennial, was: str, becomes: str, said: str) -> None:
    code, output = perennial("run", was, becomes)
    assert code == 1
    assert said in output
    assert "validate" not in output
    assert "Traceback" not in output


def test_what_lint_only_warns_of_is_no_failure(perennial: Perennial) -> None:
    assert perennial("lint") == (0, "1 spec is fine\n")
    code, output = perennial("lint", "min_rows: 200", "min_rows: 500")
    assert code == 0
    assert (
        "warning: monitoring.min_rows: a check waits for 500 new rows, more than the whole window has (475)" in output
    )
