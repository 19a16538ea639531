"""A process that obeys orders in children of its own, each of which may be killed after a stated time. Both ends.

A line in is an order, with "kill_after_s": number or null; a line out is
{"outcome": JSON or null, "killed": bool, "seconds": number, "error": text or null}.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

Order = dict[str, Any]
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class KilledProcess:
    """The end that gives the orders."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, script: Path, settings: dict[str, str], folder: Path) -> KilledProcess:
        """Start a script that calls `obey`, in a folder, where its log is."""
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, script, json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=folder,
                # Scripts of other folders import this module by its whole name.
                env=os.environ
                | {"PYTHONPATH": os.pathsep.join(filter(None, (str(REPOSITORY), os.getenv("PYTHONPATH"))))},
            )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", (folder / "log").read_text()
        return cls(process)

    def run(self, order: Order, kill_after_s: float | None = None) -> dict[str, Any]:
        """Have an order obeyed, or not."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({**order, "kill_after_s": kill_after_s}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert answer["error"] is None, f"{order}: {answer['error']}"
        return answer

    def run_killed(self, order: Order, *, kills: int, seconds: float, chance: Random) -> Any:
        """Have an order killed so many times at random, then obeyed; return the outcome.

        Parameters
        ----------
        seconds : float
            How long it takes when it is left alone.
        """
        killed = 0
        while killed < kills:
            answer = self.run(order, chance.uniform(0, seconds))
            killed += answer["killed"]
            # One that got through before it was killed is called once more, like a task cleared by hand; what took
            # longer the first time is shorter now, so the next kill comes sooner.
            if not answer["killed"]:
                seconds = answer["seconds"]
        return self.run(order)["outcome"]

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()


def obey(run: Callable[[Order], Any], answer: Path) -> None:
    """Obey the orders on standard input until it ends; the other end.

    Parameters
    ----------
    run : callable
        Takes an order and returns its outcome as JSON.
    answer : Path
        A file in which a child leaves what became of it.
    """
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_attempt(run, json.loads(line), answer)), flush=True)


def _attempt(run: Callable[[Order], Any], order: Order, answer: Path) -> dict[str, Any]:
    """Fork a process for the order, kill it in time, and say what became of it."""
    answer.unlink(missing_ok=True)
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            os.dup2(2, 1)
            _leave_answer(run, order, answer)
        os._exit(0)
    deadline = None if order["kill_after_s"] is None else started + order["kill_after_s"]
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if deadline is not None and time.monotonic() >= deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            break
        time.sleep(0.001)
    seconds = time.monotonic() - started
    if answer.exists():
        return {**json.loads(answer.read_text()), "killed": False, "seconds": seconds}
    return {"outcome": None, "error": None, "killed": True, "seconds": seconds}


def _leave_answer(run: Callable[[Order], Any], order: Order, answer: Path) -> None:
    try:
        result = {"outcome": run(order), "error": None}
    except Exception as error:  # what a test has to see, whatever it is
        result = {"outcome": None, "error": f"{type(error).__name__}: {error}"}
    written = answer.with_suffix(".part")
    written.write_text(json.dumps(result))
    written.replace(answer)
