from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from demo.home import Home
from demo.report import print_how_to_open, print_retrainings
from demo.retraining import Retraining
from tests.unit.demo.replays import cells, check, replayed, retraining


def _printed(*runs: Retraining) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    first, *others = runs
    print_retrainings(replayed(first, [check(retraining=run) for run in others]), console)
    return console.export_text()


def test_the_table_sets_candidate_and_champion_of_each_run_side_by_side() -> None:
    text = _printed(
        retraining("first", champion=None, outcome="promote"), retraining("second", champion=0.6829, outcome="reject")
    )
    rows = {found[0]: found[1:] for line in text.splitlines() if len(found := cells(line)) == 3}
    assert rows["rows"] == ["51,955", "51,955"]
    assert rows["snapshot"] == ["1" * 12, "1" * 12]
    assert rows["candidate, roc_auc"] == ["0.6534", "0.6534"]
    assert rows["champion, roc_auc"] == ["none", "0.6829"]
    assert rows["verdict"] == ["promote", "reject"]
    assert rows["version"] == ["7", "7"]
    assert rows["train, seconds"] == ["1.2", "1.2"]


def test_the_last_flight_is_dated_as_new_york_has_it() -> None:
    text = _printed(retraining("first", champion=None, outcome="promote"))
    assert "2013-02-28" in text


def test_a_skipped_task_has_no_seconds() -> None:
    text = _printed(retraining("first", champion=0.7, outcome="reject"))
    assert next(line for line in text.splitlines() if "promote, seconds" in line).split("│")[2].strip() == ""


def test_the_verdict_is_said_in_words() -> None:
    text = _printed(retraining("second", champion=0.6829, outcome="reject"))
    assert "second: reject. The champion [v1] is better." in text


def test_a_promoted_run_has_the_time_from_its_batch_s_landing_and_a_rejected_one_none() -> None:
    text = _printed(
        retraining("first", champion=None, outcome="promote"),
        retraining("second", champion=0.6, outcome="promote"),
        retraining("third", champion=0.7, outcome="reject"),
    )
    line = next(line for line in text.splitlines() if "landing to champion" in line)
    assert cells(line)[1:] == ["", "12.5", ""]


def test_the_end_says_how_to_open_both_predict_with_the_wheel_and_roll_back(tmp_path: Path) -> None:
    home = Home(tmp_path, 18080, 15000)
    home.make_again()
    console = Console(width=200, record=True, file=io.StringIO())
    print_how_to_open(home, retraining("May-23", champion=0.7, outcome="promote"), console)
    text = console.export_text()
    assert "http://127.0.0.1:18080/dags/flight_delay.monitor and flight_delay.retrain" in text
    assert "http://127.0.0.1:15000" in text
    assert f"user admin, password {home.password()}" in text
    assert "http://127.0.0.1:18080/perennial/reports/flight_delay/runs/run-May-23/card.html" in text
    assert f"new/bin/pip install {home.folder}/wheel/*.whl" in text
    assert f"new/bin/python -m flight_delay predict {home.folder}/wheel/rows.csv" in text
    assert "http://127.0.0.1:18080/dags/flight_delay.rollback" in text
