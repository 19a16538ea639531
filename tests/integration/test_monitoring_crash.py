"""Every step of several checks is killed at random points and called again: the end is as if nothing had happened."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from perennial.deployment import Deployment
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


@pytest.fixture
def monitors(flights: Path, flight_spec: Path, mlflow_uri: str, tmp_path: Path) -> Iterator[tuple[Monitor, Monitor]]:
    """Return the same model twice, over one registry: checks only read it."""
    data = tmp_path / "data"
    shutil.copytree(flights, data)
    land_slice(data, 3)
    spec = tmp_path / "flight_delay.yaml"
    spec.write_text(flight_spec.read_text() + WATCHED)
    train(spec, tmp_path / "trained", mlflow_uri, data)
    made = []
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
    yield made[0], made[1]
    for monitor in made:
        monitor.process.end()


def train(spec: Path, store: Path, tracking_uri: str, data: Path) -> None:
    run = RetrainingRun(
        spec=load_spec(spec),
        deployment=Deployment(store=LocalStore(store), tracking_uri=tracking_uri, data_root=data),
        now=datetime(2026, 1, 1, tzinfo=UTC),
        as_of=datetime(2013, 2, 8, 5, tzinfo=UTC),
        run_id="first",
    )
    snapshot = STAGES["ingest"](run)
    candidate = STAGES["train"](run, snapshot)
    evaluation = STAGES["evaluate"](run, snapshot, candidate)
    verdict = STAGES["decide"](run, evaluation, candidate)
    STAGES["promote"](run, STAGES["register"](run, candidate, evaluation, verdict), verdict)


def test_fifty_kills_over_all_steps_leave_the_same_ledger_cursor_state_and_references_as_none(
    monitors: tuple[Monitor, Monitor],
) -> None:
    undisturbed, disturbed = monitors
    seconds: dict[tuple[str, str], float] = {}
    for day in CHECKED:
        done: dict[str, Any] = {}
        for step in STEPS:
            answer = undisturbed.process.run(undisturbed.order(day, step, done))
            done[step], seconds[day, step] = answer["outcome"], answer["seconds"]

    chance = random.Random(2013)
    points = list(seconds)
    kills = dict.fromkeys(points, KILLS // len(points))
    for extra in chance.sample(points, KILLS % len(points)):
        kills[extra] += 1
    assert sum(kills.values()) == KILLS
    for day in CHECKED:
        done = {}
        for step in STEPS:
            point = day, step
            order = disturbed.order(day, step, done)
            done[step] = disturbed.process.run_killed(order, kills=kills[point], seconds=seconds[point], chance=chance)

    entries = read_ledger(undisturbed.store, "flight_delay")
    assert {"trigger", "coalesce"} <= {entry.decision.outcome for entry in entries}
    assert load_state(undisturbed.store, "flight_delay")[0].sequence == len(CHECKED)
    assert disturbed.what_is_there() == undisturbed.what_is_there()
