"""Processes that outlive the command that started them, and are stopped by another command, by id and not by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

GRACE_S = 20


def program(name: str) -> Path:
    """Return the path of a program of this environment, which need not be on PATH."""
    return Path(sys.executable).with_name(name)


@dataclass(frozen=True)
class Service:
    """A process that leads a session of its own.

    Attributes
    ----------
    pid : int
        Its id, and that of its session.
    started : float
        When the system started it, in seconds since 1970. Distinguishes it from a later process with the same id.
    """

    name: str
    pid: int
    started: float

    @classmethod
    def start(
        cls, name: str, command: Sequence[str | Path], *, environment: dict[str, str], log: Path, folder: Path
    ) -> Service:
        """Start a command in a session of its own, with output to `log`, and record it in `folder`."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=log.parent,
                start_new_session=True,
            )
        service = cls(name, process.pid, psutil.Process(process.pid).create_time())
        (folder / f"{name}.json").write_text(json.dumps(asdict(service)))
        return service

    def is_alive(self) -> bool:
        """Tell whether the process that was started, and not another with its id, still runs."""
        return any(process.pid == self.pid for process in self.members())

    def members(self) -> list[psutil.Process]:
        """Return the running processes of the session and descendants of its leader, even if the leader has ended."""
        try:
            leader = psutil.Process(self.pid)
            # Allows for a change of the system's clock; a process id is reused only much later.
            if abs(leader.create_time() - self.started) > 1:
                return []
            below = leader.children(recursive=True)
        except psutil.NoSuchProcess:
            below = []
        members = {process.pid: process for process in below}
        for process in psutil.process_iter():
            if _session(process.pid) == self.pid:
                members[process.pid] = process
        return [process for process in members.values() if _lives(process)]


def recorded(folder: Path) -> list[Service]:
    """Return the services that were recorded in `folder` and still have a running process."""
    services = [Service(**json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    return [service for service in services if service.members()]


def stop(services: Sequence[Service], *, grace_s: float = GRACE_S) -> None:
    """Ask every process of the services to end, and kill what still runs after `grace_s` seconds."""
    processes = [process for service in services for process in service.members()]
    for process in processes:
        _signal(process, kill=False)
    _, stubborn = psutil.wait_procs(processes, timeout=grace_s)
    # A second look finds processes that were started meanwhile.
    for process in {*stubborn, *(late for service in services for late in service.members())}:
        _signal(process, kill=True)
    psutil.wait_procs(stubborn, timeout=grace_s)


def _signal(process: psutil.Process, *, kill: bool) -> None:
    # psutil raises it also if the id belongs to another process by now.
    with suppress(psutil.NoSuchProcess):
        process.kill() if kill else process.terminate()


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
