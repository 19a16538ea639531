"""What chaos calls broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chaos.checks import broken

Found = dict[str, Any]


def _version(number: int, previous: str | None) -> Found:
    return {"version": str(number), "run_id": f"run-{number}", "snapshot": f"rows-{number}", "previous": previous}


@pytest.fixture
def found() -> Found:
    """Two retrainings, each promoted, and one check."""
    return {
        "problems": [],
        "versions": [_version(2, "1"), _version(1, "")],
        "champion": "2",
        "move": {"to": "2", "state": "moved", "sequence": 2},
        "training_runs": ["FINISHED", "FINISHED"],
        "snapshots": {f"rows-{number}": {"listed": ["a.parquet"], "there": ["a.parquet"]} for number in (1, 2)},
        "ledger": [1],
        "triggered": [],
        "state": 1,
        "retrainings": {"run-1": "success", "run-2": "success"},
        "monitor_runs": {"check-1": "success"},
    }


def test_a_whole_stack_breaks_no_promise(found: Found) -> None:
    assert broken(found) == []


def _no_manifest(found: Found) -> None:
    found["snapshots"]["rows-2"] = {"listed": [], "there": ["a.parquet"]}


def _stray_part(found: Found) -> None:
    found["snapshots"]["rows-2"]["there"].append("b.parquet")


def _lost_part(found: Found) -> None:
    found["snapshots"]["rows-2"]["there"].clear()


def _unused_snapshot(found: Found) -> None:
    found["snapshots"]["rows-3"] = {"listed": ["a.parquet"], "there": ["a.parquet"]}


def _no_version(found: Found) -> None:
    found["retrainings"]["run-3"] = "success"


def _double_version(found: Found) -> None:
    found["versions"].append(_version(3, "2") | {"run_id": "run-2"})


def _unfinished_training(found: Found) -> None:
    found["training_runs"].append("RUNNING")


def _lost_move(found: Found) -> None:
    found["champion"] = "1"


def _move_under_way(found: Found) -> None:
    found["move"]["state"] = "moving"


def _wrong_predecessor(found: Found) -> None:
    found["versions"][0]["previous"] = ""


def _lost_entry(found: Found) -> None:
    found["ledger"] = []


def _double_entry(found: Found) -> None:
    found["ledger"] = [1, 2]


def _open_check(found: Found) -> None:
    found["state"] = 0


def _lost_trigger(found: Found) -> None:
    found["triggered"] = ["drift-1-abc"]


def _trigger_of_no_check(found: Found) -> None:
    found["retrainings"]["drift-1-abc"] = "running"


def _failed_triggered_retraining(found: Found) -> None:
    found["triggered"] = ["drift-1-abc"]
    found["retrainings"]["drift-1-abc"] = "failed"


def _unreadable_model(found: Found) -> None:
    found["problems"].append("version 1: its file is not there")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_manifest, "snapshot rows-2 has no manifest"),
        (_stray_part, "does not list: b.parquet"),
        (_lost_part, "snapshot rows-2 lacks a.parquet"),
        (_unused_snapshot, "snapshots of no version: rows-3"),
        (_no_version, "the run run-3 ended and has no version"),
        (_double_version, "the run run-2 has 2 versions"),
        (_unfinished_training, "'RUNNING': 1"),
        (_lost_move, "the champion is version 1, and the last one promoted is 2"),
        (_move_under_way, "moving to 2"),
        (_wrong_predecessor, "version 2 names none as the champion before it"),
        (_lost_entry, "the ledger has the entries [] after 1 runs"),
        (_double_entry, "the ledger has the entries [1, 2] after 1 runs"),
        (_open_check, "the monitor's state is at check 0"),
        (_lost_trigger, "a check triggered the retraining drift-1-abc, which never began"),
        (_trigger_of_no_check, "the retraining drift-1-abc began, and no check triggered it"),
        (_failed_triggered_retraining, "drift-1-abc, which a check triggered, is failed"),
        (_unreadable_model, "its file is not there"),
    ],
)
def test_what_is_half_there_lost_or_double_is_said(found: Found, spoil: Callable[[Found], None], said: str) -> None:
    spoil(found)
    assert any(said in sentence for sentence in broken(found))
