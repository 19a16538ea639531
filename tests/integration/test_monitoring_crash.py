"""Every step of several checks is killed at random points and called again: the end is as if nothing had happened."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from perennial.deployment import Deployment
from perennial.layout import WEIGHTS
from perennial.monitoring.ledger import read_ledger
from perennial.monitoring.state import load_state
from perennial.monitoring.steps import TESTS
from perennial.run import RetrainingRun
from perennial.spec.reading.loader import load_spec
from perennial.stages import STAGES
from perennial.store import LocalStore
from tests.conftest import land_slice
from tests.integration.killed_process import KilledProcess, Order

KILLS = 50
STEPS = ("open", *TESTS, "decide", "close")
Point = tuple[str, str]
"""A check's day, and one of its steps."""
CHECKED: dict[str, tuple[str, ...]] = {
    "2013-02-15": (),
    "2013-02-22": (),
    "2013-02-28": ("manual",),  # a retraining is under way: this one is coalesced
    "2013-03-08": (),
}
"""Moment of each check, and the retrainings that are under way."""
WATCHED = """
monitoring:
  min_rows: 200
  drift: {effect_floor: 0.1}
  page_hinkley: {one_false_alarm_in: 20000}
  performance: {minimum: {roc_auc: 0.55}}
  volume: {rows: 3000}
retraining: {cooldown_days: 10}
"""

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(900)]


@dataclass
class Monitor:
    """A model with a champion, and the process that checks it."""

    process: KilledProcess
    store: LocalStore

    def order(self, day: str, step: str, done: dict[str, Any]) -> Order:
        arguments: list[Any] = []
        if step == "close":
            arguments = [done["decide"]]
        elif step != "open":
            arguments = [done["open"]]
        if step == "decide":
            arguments.append([done[name] for name in TESTS])
        return {"step": step, "as_of": f"{day}T05:00:00+00:00", "active": CHECKED[day], "arguments": arguments}

    def what_is_there(self) -> dict[str, bytes]:
        return {item.key: self.store.read(item.key) for item in self.store.list()}


StartMonitors = Callable[..., tuple[Monitor, Monitor]]


@pytest.fixture
def start_monitors(flights: Path, flight_spec: Path, mlflow_uri: str, tmp_path: Path) -> Iterator[StartMonitors]:
    """Return a function that gives the same model twice, over one registry, which checks only read.

    It takes what is added to the spec's section `model`, and the moments of its trainings.
    """
    data = tmp_path / "data"
    shutil.copytree(flights, data)
    land_slice(data, 3)
    made: list[Monitor] = []

    def start(model: str, *trained: str) -> tuple[Monitor, Monitor]:
        spec = tmp_path / "flight_delay.yaml"
        spec.write_text(flight_spec.read_text().replace("  seed: 1\n", f"  seed: 1\n{model}") + WATCHED)
        for day in trained:
            train(spec, tmp_path / "trained", mlflow_uri, data, day)
        for name in ("undisturbed", "disturbed"):
            folder = tmp_path / name
            folder.mkdir()
            shutil.copytree(tmp_path / "trained", folder / "store")
            settings = {
                "spec": str(spec),
                "store": str(folder / "store"),
                "tracking_uri": mlflow_uri,
                "data_root": str(data),
                "answer": str(folder / "answer.json"),
            }
            process = KilledProcess.start(Path(__file__).with_name("check_process.py"), settings, folder)
            made.append(Monitor(process, LocalStore(folder / "store")))
        return made[0], made[1]

    yield start
    for monitor in made:
        monitor.process.end()


def train(spec: Path, store: Path, tracking_uri: str, data: Path, day: str) -> None:
    run = RetrainingRun(
        spec=load_spec(spec),
        deployment=Deployment(store=LocalStore(store), tracking_uri=tracking_uri, data_root=data),
        now=datetime(2026, 1, 1, tzinfo=UTC),
        as_of=datetime.fromisoformat(f"{day}T05:00:00+00:00"),
        run_id=day,
    )
    done: dict[str, Any] = {}
    for stage in STAGES.values():
        taken = [done.get(record) for record in stage.takes]
        if not stage.why_not(run, *taken):
            done[stage.makes] = stage(run, *taken)
    assert "promotion" in done


def check(monitor: Monitor, kills: Counter[Point], seconds: dict[Point, float]) -> dict[Point, float]:
    """Do all checks, with so many kills in each step; return the seconds of each step at its last call.

    `seconds` is what each takes when it is left alone; a step without kills needs none.
    """
    chance = random.Random(2013)
    took = {}
    for day in CHECKED:
        done: dict[str, Any] = {}
        for step in STEPS:
            order, point = monitor.order(day, step, done), (day, step)
            if kills[point]:
                monitor.process.run_killed(order, kills=kills[point], seconds=seconds[point], chance=chance)
            # After the kills it is called once more, like a task that is cleared by hand.
            answer = monitor.process.run(order)
            done[step], took[point] = answer["outcome"], answer["seconds"]
    return took


def test_fifty_kills_over_all_steps_leave_the_same_ledger_cursor_state_and_references_as_none(
    start_monitors: StartMonitors,
) -> None:
    undisturbed, disturbed = start_monitors("", "2013-02-08")
    seconds = check(undisturbed, Counter(), {})
    points = random.Random(2013).sample(list(seconds), len(seconds))
    check(disturbed, Counter(islice(cycle(points), KILLS)), seconds)

    entries = read_ledger(undisturbed.store, "flight_delay")
    assert {"trigger", "coalesce"} <= {entry.decision.outcome for entry in entries}
    assert load_state(undisturbed.store, "flight_delay")[0].sequence == len(CHECKED)
    assert disturbed.what_is_there() == undisturbed.what_is_there()


def test_kills_while_members_are_weighed_and_their_weights_are_stored_leave_the_same_weights_as_none(
    start_monitors: StartMonitors,
) -> None:
    undisturbed, disturbed = start_monitors("  ensemble: {members: 2}\n", "2013-01-31", "2013-02-08")
    seconds = check(undisturbed, Counter(), {})
    check(disturbed, Counter({(day, step): 1 for day in CHECKED for step in ("performance", "close")}), seconds)

    entries = read_ledger(undisturbed.store, "flight_delay")
    assert any(entry.reweighting for entry in entries)
    there = undisturbed.what_is_there()
    assert any(WEIGHTS.has(key) for key in there)
    assert disturbed.what_is_there() == there
