from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from demo.home import Home
from demo.report import print_how_to_open, print_report
from demo.retraining import TASKS, Retraining
from perennial.outcomes import Candidate, Evaluation, GateResult, RegisteredVersion, Scores, Snapshot, Verdict


def _retraining(title: str, *, champion: float | None, outcome: str) -> Retraining:
    start, end = datetime(2013, 1, 1, 10, tzinfo=UTC), datetime(2013, 3, 1, 4, 59, tzinfo=UTC)
    spec_digest, code_version, mlflow_run_id = "2" * 64, "abc", "3" * 32
    return Retraining(
        title=title,
        run_id="manual__1",
        snapshot=Snapshot(
            model="flight_delay", digest="1" * 64, rows=51955, start=start, end=end, window_start=None, as_of=end,
            schema_={}, size_bytes=1, rows_read=51955, exact_duplicates=0, key_duplicates=0,
        ),
        candidate=Candidate(
            mlflow_run_id=mlflow_run_id, experiment_id="1", model_uri="models:/m-1", snapshot_digest="1" * 64,
            spec_digest=spec_digest, code_version=code_version, train_rows=36570, train_start=start, train_end=end,
            holdout_rows=12488, holdout_start=start, holdout_end=end, unlabelled_rows=2897,
        ),
        evaluation=Evaluation.model_construct(
            rows=12488,
            candidate=Scores(metrics={"roc_auc": 0.65344}),
            champion=None if champion is None else Scores(metrics={"roc_auc": champion}),
        ),
        verdict=Verdict.model_validate({
            "outcome": outcome,
            "sentence": "The champion [v1] is better.",
            "gates": [GateResult(name="champion", passed=outcome == "promote", sentence="0.6534 against 0.6829")],
            "champion_version": "1",
        }),
        registered=RegisteredVersion(name="flight_delay", version="7", alias="challenger"),
        seconds=dict.fromkeys(TASKS, 1.25) | {"promote": None},
    )  # fmt: skip


def _printed(*runs: Retraining) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    print_report(runs, console)
    return console.export_text()


def test_the_table_sets_candidate_and_champion_of_each_run_side_by_side() -> None:
    text = _printed(
        _retraining("first", champion=None, outcome="promote"), _retraining("second", champion=0.6829, outcome="reject")
    )
    rows = {cells[0]: cells[1:] for line in text.splitlines() if len(cells := _cells(line)) == 3}
    assert rows["rows"] == ["51,955", "51,955"]
    assert rows["snapshot"] == ["1" * 12, "1" * 12]
    assert rows["candidate, roc_auc"] == ["0.6534", "0.6534"]
    assert rows["champion, roc_auc"] == ["none", "0.6829"]
    assert rows["verdict"] == ["promote", "reject"]
    assert rows["version"] == ["7", "7"]
    assert rows["train, seconds"] == ["1.2", "1.2"]


def test_the_last_flight_is_dated_as_new_york_has_it() -> None:
    text = _printed(_retraining("first", champion=None, outcome="promote"))
    assert "2013-02-28" in text


def test_a_skipped_task_has_no_seconds() -> None:
    text = _printed(_retraining("first", champion=0.7, outcome="reject"))
    assert next(line for line in text.splitlines() if "promote, seconds" in line).split("│")[2].strip() == ""


def test_the_verdict_and_every_gate_are_said_in_words() -> None:
    text = _printed(_retraining("second", champion=0.6829, outcome="reject"))
    assert "second: reject. The champion [v1] is better." in text
    assert "fail champion: 0.6534 against 0.6829" in text


def test_the_password_is_shown_with_both_addresses(tmp_path: Path) -> None:
    home = Home(tmp_path, 18080, 15000)
    home.make_afresh()
    console = Console(width=200, record=True, file=io.StringIO())
    print_how_to_open(home, console)
    text = console.export_text()
    assert "http://127.0.0.1:18080/dags/flight_delay.retrain" in text
    assert "http://127.0.0.1:15000" in text
    assert f"user admin, password {home.password()}" in text


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│┃ ").replace("┃", "│").split("│")]
