from __future__ import annotations

import io

from rich.console import Console

from demo.checks_report import print_checks, print_summary
from demo.replay import Replayed
from tests.unit.demo.replays import cells, check, entry, ks, page_hinkley, performance, replayed, retraining

FIRST = retraining("by hand", champion=None, outcome="promote")
QUIET = replayed(FIRST, [check()], "flight_delay_quiet")


def _year() -> Replayed:
    fired = ks("temp", "dewp", status="fired")
    decided = {"outcome": "trigger", "reasons": ("ks: 2 of 13 [columns] drifted.",), "fired": ("ks",), "run_id": "x"}
    seen = entry(
        fired, page_hinkley(over_threshold=1.004, detections=2), performance(), warned=("page_hinkley",), **decided
    )
    again = entry(fired, page_hinkley(), performance(), **decided)
    held = entry(fired, page_hinkley(), performance(), outcome="hold", reasons=("1 of 3",))
    return replayed(
        FIRST,
        [
            check(seen, retraining=retraining("a", champion=0.6, outcome="promote")),
            check(held),
            check(again, retraining=retraining("b", champion=0.7, outcome="reject")),
        ],
    )


def _lines(printing: object) -> list[list[str]]:
    console = Console(width=150, record=True, file=io.StringIO())
    printing([_year(), QUIET], console)  # type: ignore[operator]
    lines = console.export_text().splitlines()
    return [cells(line) for line in lines]


def test_a_line_says_what_was_measured_and_decided() -> None:
    lines = _lines(print_checks)
    assert ["Mar 01 to Mar 14", "13,084", "v3", "temp, dewp", "temp 0.91", "1.00 (2)", "0.686",
            "trigger: ks; page_hinkley warns"] in lines  # fmt: skip
    assert ["Mar 01 to Mar 14", "13,084", "v3", "", "temp 0.91", "0.61", "0.686", "none"] in lines


def test_the_quiet_replay_comes_below_the_year_in_the_same_table() -> None:
    first_cells = [found[0] for found in _lines(print_checks)]
    year, quiet = first_cells.index("flight_delay"), first_cells.index("flight_delay_quiet")
    assert first_cells[year + 1 : quiet].count("Mar 01 to Mar 14") == 3
    assert first_cells[quiet + 1 :].count("Mar 01 to Mar 14") == 1


def test_the_summary_counts_what_happened() -> None:
    counted = {found[0]: found[1:] for found in _lines(print_summary) if len(found) == 3}
    assert counted["checks"] == ["3", "1"]
    assert counted["warnings"] == ["1", "0"]
    assert counted["held back"] == ["1", "0"]
    assert counted["retrainings triggered"] == ["2", "0"]
    assert counted["promoted"] == ["1", "0"]
    assert counted["rejected"] == ["1", "0"]
    assert counted["seconds from landing to new champion"] == ["12.5", ""]


def test_every_trigger_is_explained_in_the_governor_s_words() -> None:
    text = [found[0] for found in _lines(print_summary)]
    assert "Mar 01 to Mar 14, check 4: ks: 2 of 13 [columns] drifted." in text
