from __future__ import annotations

from demo.decision import in_short
from tests.unit.demo.replays import entry, ks, page_hinkley, performance


def test_a_trigger_names_the_tests_that_argued_for_it() -> None:
    made = entry(
        ks("temp", status="fired"), outcome="trigger", reasons=("so",), fired=("ks", "performance"), run_id="x"
    )
    assert in_short(made) == "trigger: ks, performance"


def test_what_fired_too_rarely_is_told_from_what_a_limit_holds_back() -> None:
    fired = ks("temp", "dewp", status="fired")
    rarely = entry(fired, outcome="hold", reasons=("ks: ... Fired in 1 of the last 1 checks; 2 of 3 are required.",))
    assert in_short(rarely) == "hold: ks, not often enough yet"
    limit = "Cool-down: the last retraining was triggered at 2013-05-10 03:59 UTC; until 2013-06-21 03:59 UTC none is."
    assert in_short(entry(fired, outcome="hold", reasons=("ks", limit), fired=("ks",))) == "hold: ks, Cool-down"


def test_an_open_breaker_is_named() -> None:
    limit = (
        "The breaker is open: the last 3 retrainings were rejected, inconclusive or failed. It lets one through later."
    )
    made = entry(performance(status="fired"), outcome="hold", reasons=(limit,), fired=("performance",))
    assert in_short(made) == "hold: performance, The breaker is open"


def test_warnings_come_last() -> None:
    made = entry(page_hinkley(detections=1), outcome="none", reasons=("so",), warned=("page_hinkley",))
    assert in_short(made) == "none; page_hinkley warns"
    made = entry(page_hinkley(detections=1), outcome="none", reasons=("so",), warned=("page_hinkley", "volume"))
    assert in_short(made) == "none; page_hinkley, volume warn"


def test_a_quiet_check_says_no_more_than_that() -> None:
    assert in_short(entry()) == "none"
