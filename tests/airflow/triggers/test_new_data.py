"""The trigger can be made again by another process, and never keeps the triggerer's event loop waiting."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perennial.errors import DataError, SourceUnavailable
from perennial.spec import ModelSpec
from perennial.spec.reading.loader import load_spec
from perennial_airflow.triggers import new_data
from perennial_airflow.triggers.new_data import NewDataTrigger

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]

NOTHING = SimpleNamespace(rows=3, over=False, reason="3 new rows; a check needs 50.", cursor_ahead=None)
ENOUGH = SimpleNamespace(rows=60, over=True, reason="60 new rows.", cursor_ahead=None)
AHEAD = SimpleNamespace(rows=0, over=False, reason="The cursor.", cursor_ahead=datetime(2024, 3, 1, tzinfo=UTC))


@pytest.fixture
def trigger(add_spec: Callable[..., Path]) -> Callable[..., NewDataTrigger]:
    """Return a function that makes a trigger which waits for some seconds."""
    spec = load_spec(add_spec(monitoring={"min_rows": 50, "schedule": {"every_minutes": 5}}))

    def make(seconds: float) -> NewDataTrigger:
        until = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        text = spec.model_dump_json(exclude_unset=True)
        return NewDataTrigger(spec=text, as_of="2024-02-10T00:00:00Z", until=until, poll_seconds=0.05)

    return make


def first_event(trigger: NewDataTrigger) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        event = await anext(trigger.run())
        return event.payload

    return asyncio.run(run())


def test_it_is_known_by_its_path_and_json(trigger: Callable[..., NewDataTrigger], models: Path) -> None:
    from airflow.sdk.module_loading import import_string

    path, arguments = trigger(60).serialize()
    again = import_string(path)(**json.loads(json.dumps(arguments)))

    assert again.serialize() == (path, arguments)
    spec, written = ModelSpec.model_validate_json(again.spec), load_spec(models / "orders.yaml")
    assert spec == written


@pytest.mark.parametrize(
    ("found", "seconds", "event"),
    [
        (ENOUGH, 60, {"status": "rows", "rows": 60, "reason": "60 new rows.", "cursor_ahead": None}),
        (NOTHING, 0.1, {"status": "none", "rows": 3, "reason": NOTHING.reason, "cursor_ahead": None}),
        (
            AHEAD,
            0.1,
            {"status": "none", "rows": 0, "reason": "The cursor.", "cursor_ahead": "2024-03-01T00:00:00+00:00"},
        ),
        (DataError("no such folder"), 60, {"status": "error", "reason": "no such folder", "retryable": False}),
        (SourceUnavailable("away"), 60, {"status": "error", "reason": "away", "retryable": True}),
    ],
)
def test_its_event_says_how_the_wait_ended(
    trigger: Callable[..., NewDataTrigger], monkeypatch: pytest.MonkeyPatch, found: Any, seconds: float, event: Any
) -> None:
    def look(spec: ModelSpec, as_of: str | None) -> Any:
        assert (spec.name, as_of) == ("orders", "2024-02-10T00:00:00Z")
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(new_data, "look", look)

    assert first_event(trigger(seconds)) == event


def test_it_looks_until_there_is_enough(
    trigger: Callable[..., NewDataTrigger], monkeypatch: pytest.MonkeyPatch
) -> None:
    to_find = [NOTHING, NOTHING, ENOUGH, NOTHING]
    monkeypatch.setattr(new_data, "look", lambda *_: to_find.pop(0))

    assert first_event(trigger(60))["status"] == "rows"
    assert to_find == [NOTHING]


def test_a_slow_source_holds_up_no_other_trigger(
    trigger: Callable[..., NewDataTrigger], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def look(*_: Any) -> Any:
        threads.append(threading.get_ident())
        time.sleep(0.5)
        return ENOUGH

    monkeypatch.setattr(new_data, "look", look)

    async def longest_pause() -> float:
        waiting = asyncio.ensure_future(anext(trigger(60).run()))
        longest, last = 0.0, time.perf_counter()
        while not waiting.done():
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
        return longest

    assert asyncio.run(longest_pause()) < 0.3
    assert threads != [threading.get_ident()]


def test_it_ends_when_the_triggerer_cancels_it(
    trigger: Callable[..., NewDataTrigger], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_data, "look", lambda *_: NOTHING)

    async def cancel() -> None:
        waiting = asyncio.ensure_future(anext(trigger(60).run()))
        await asyncio.sleep(0.2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancel())
