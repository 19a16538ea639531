from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from demo.processes import Service, recorded, stop

# Starts a child, says its id, and waits for ever; both ignore a polite request where asked to.
PARENT = """
import signal, subprocess, sys, time
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


class Started:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        self.services: list[Service] = []

    def parent(self, manner: str = "polite") -> tuple[Service, int]:
        service = Service.start(
            "parent",
            [sys.executable, "-c", PARENT, manner],
            environment=dict(os.environ),
            log=self.log,
            folder=self.folder,
        )
        self.services.append(service)
        deadline = time.monotonic() + 20
        while not (said := self.log.read_text()).endswith("\n"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return service, int(said)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    started = Started(tmp_path)
    yield started
    stop(started.services, grace_s=1)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_service_is_found_by_another_command_and_stopped_with_its_children(started: Started) -> None:
    service, child = started.parent()
    assert recorded(started.folder) == [service]
    stop(recorded(started.folder))
    assert not _runs(service.pid)
    assert not _runs(child)
    assert recorded(started.folder) == []


def test_what_does_not_end_when_asked_is_killed(started: Started) -> None:
    service, child = started.parent("stubborn")
    stop([service], grace_s=0.5)
    assert not _runs(service.pid)
    assert not _runs(child)


def test_children_of_a_killed_service_are_found(started: Started) -> None:
    service, child = started.parent()
    psutil.Process(service.pid).kill()
    psutil.wait_procs([psutil.Process(service.pid)], timeout=5)
    assert not service.is_alive()
    assert recorded(started.folder) == [service]
    stop([service])
    assert not _runs(child)


def test_another_process_with_the_recorded_id_is_not_touched(started: Started) -> None:
    service, child = started.parent()
    impostor = Service("parent", service.pid, service.started - 60)
    assert not impostor.is_alive()
    stop([impostor], grace_s=0.5)
    assert _runs(service.pid)
    assert _runs(child)
