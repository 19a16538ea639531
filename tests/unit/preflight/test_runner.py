from __future__ import annotations

import threading
import time

from perennial.preflight import Fault, NotReady, run_checks


def test_what_passes_is_said_and_no_fault():
    said: list[str] = []
    assert run_checks({"store": lambda: "fine"}, seconds=5, say=said.append) == ()
    assert said == ["store: fine"]


def test_every_fault_is_said_and_named():
    said: list[str] = []

    def wrong() -> str:
        raise Fault("no bucket")

    assert run_checks({"a": wrong, "b": lambda: "fine", "c": wrong}, seconds=30, say=said.append) == ("a", "c")
    assert sorted(said) == ["a: fault: no bucket", "b: fine", "c: fault: no bucket"]


def test_what_is_starting_is_waited_for_and_said_once(monkeypatch):
    monkeypatch.setattr("perennial.preflight.runner._PAUSE", 0.01)
    said: list[str] = []
    left = iter(range(3))

    def starting() -> str:
        if next(left, None) is not None:
            raise NotReady("nobody there")
        return "answers"

    assert run_checks({"MLflow": starting}, seconds=30, say=said.append) == ()
    assert said == ["MLflow: not ready, tried again for 30 seconds: nobody there", "MLflow: answers"]


def test_the_wait_is_bounded(monkeypatch):
    monkeypatch.setattr("perennial.preflight.runner._PAUSE", 0.01)

    def away() -> str:
        raise NotReady("nobody there")

    began = time.monotonic()
    assert run_checks({"MLflow": away}, seconds=0.1, say=lambda line: None) == ("MLflow",)
    assert time.monotonic() - began < 5


def test_a_check_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr("perennial.preflight.runner._GRACE", 0.1)
    said: list[str] = []
    assert run_checks({"store": lambda: str(threading.Event().wait(60))}, seconds=0.1, say=said.append) == ("store",)
    assert "no answer within 0 seconds" in said[0]
