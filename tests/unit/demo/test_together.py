from __future__ import annotations

import threading

import pytest

from demo.errors import DemoError
from demo.together import together


def test_calls_run_at_the_same_time_and_results_keep_their_order() -> None:
    both_run = threading.Barrier(2, timeout=60)

    def call(name: str) -> str:
        both_run.wait()
        return name

    assert together(lambda: call("first"), lambda: call("second")) == ["first", "second"]


def test_the_error_of_one_is_raised_while_another_still_runs() -> None:
    ends = threading.Event()

    def fail() -> None:
        raise DemoError("no drift was found")

    def wait() -> None:
        assert ends.wait(60)

    try:
        with pytest.raises(DemoError, match="no drift was found"):
            together(wait, fail)
    finally:
        ends.set()
