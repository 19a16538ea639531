"""A package index on 127.0.0.1, as pypiserver is one."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

OPEN = ("-P", ".", "-a", ".")


@dataclass(frozen=True)
class PackageServer:
    """A running index: its port, and the folder of the files that it has."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        """The address that takes uploads."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def files(self) -> list[str]:
        """Names of what it has."""
        return sorted(path.name for path in self.folder.iterdir())


@contextmanager
def running_index(folder: Path, *, takes_uploads: bool = True) -> Iterator[PackageServer]:
    """Run an index of an empty folder; one that takes no uploads answers every login with 403."""
    (folder / "packages").mkdir(parents=True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    rights = OPEN if takes_uploads else ()
    process = subprocess.Popen(
        [sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port), *rights, folder / "packages"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = PackageServer(port, folder / "packages")
    try:
        _wait_until_it_answers(server.url, process)
        yield server
    finally:
        process.kill()
        process.wait()


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 60
    while True:
        try:
            direct.open(url, timeout=5).close()
        except urllib.error.URLError:
            assert process.poll() is None, "pypiserver ended"
            assert time.monotonic() < deadline, "pypiserver does not answer"
            time.sleep(0.1)
        else:
            return
