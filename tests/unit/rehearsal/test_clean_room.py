"""A process in a clean room leaves nothing running behind."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time

import pytest

SLEEPER = """
import fcntl, time
lock = open(__file__ + ".lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
open(__file__ + ".runs", "w").close()
time.sleep(600)
"""
WORKER = """
import sys, time
from pathlib import Path
from perennial.rehearsal.clean_room import CleanRoom
room = CleanRoom(Path(sys.argv[1]))
{start}
time.sleep(600)
"""


@pytest.mark.parametrize("start", ["room.start_module('sleeper')", "room.run_file(room.folder / 'sleeper.py')"])
def test_what_runs_there_ends_when_the_worker_is_killed(tmp_path, start):
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    worker = subprocess.Popen([sys.executable, "-c", WORKER.format(start=start), str(tmp_path)])
    try:
        wait_until((tmp_path / "sleeper.py.runs").exists)
    finally:
        worker.kill()
        worker.wait()
    wait_until(lambda: is_free(tmp_path / "sleeper.py.lock"))


def is_free(lock):
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def wait_until(true):
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
