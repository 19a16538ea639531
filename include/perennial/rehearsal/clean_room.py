"""An environment for a package: the libraries that it declares, in the versions installed here, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path

from perennial.errors import PackageError
from perennial.packages.required import required

_TIMEOUT_S = 1800
_KEPT_VARIABLES = (
    *("PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH"),
    *("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS"),
)
# Python without its own site-packages, environment variables and current folder: the first argument takes their place. It
# exits at the end of its standard input, which comes with the end of the process that started it.
_BOOT = (
    "import os, runpy, sys, threading; "
    "threading.Thread(target=lambda: os.read(0, 1) or os._exit(1), daemon=True).start(); "
    "sys.path.insert(0, sys.argv.pop(1)); "
)
_MODULE = _BOOT + "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
_FILE = _BOOT + "del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"


class CleanRoom:
    """A folder that is all that a process can import, besides the standard library.

    Nothing is downloaded: the libraries are links to those that are installed here. So it needs no network, takes a
    fraction of a second, and what a package imports without declaring it is missing in it, as it would be after `pip
    install` in an empty environment.

    Parameters
    ----------
    folder : Path
        An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, wheel: Path) -> None:
        """Unpack a pure wheel and link what it requires.

        Raises
        ------
        PackageError
            Something that it requires is not installed here, or in another version.
        """
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.folder)
        name = next(self.folder.glob("*.dist-info"))
        self.link(Distribution.at(name).requires or ())

    def link(self, requirements: Iterable[str]) -> None:
        """Link distributions, with all that they require in turn. Raises as `install`."""
        for one in required(requirements).values():
            for top in {file.parts[0] for file in one.files or () if file.parts[0] not in ("..", "__pycache__")}:
                target = self.folder / top
                if not target.exists():
                    target.symlink_to(Path(str(one.locate_file(top))))

    def run_file(self, script: Path, *arguments: str) -> None:
        """Run a Python file in a process of its own.

        Raises
        ------
        PackageError
            It fails, or takes longer than half an hour; with the end of what it wrote.
        """
        command = self._command(_FILE, str(script), *arguments)
        try:
            done = subprocess.run(
                command,
                stdin=_as_long_as(os.getpid()),
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                env=_environment(),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PackageError(f"it does not end within {_TIMEOUT_S // 60} minutes") from None
        if done.returncode:
            raise PackageError(f"it fails in a clean process: {last_words(done.stderr, done.returncode)}")

    def start_module(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        """Start `python -m module` as a process whose output can be read; it ends with this process at the latest."""
        return subprocess.Popen(
            self._command(_MODULE, module, *arguments),
            stdin=_as_long_as(os.getpid()),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(),
        )

    def _command(self, boot: str, *arguments: str) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", boot, str(self.folder), *arguments]


@cache
def _as_long_as(process: int) -> int:  # noqa: ARG001 - a forked process needs a pipe of its own
    """Return a file that is at its end when this process has ended, also if it is killed: a pipe that nobody writes to."""
    read, _ = os.pipe()
    return read


def last_words(said: str, code: int) -> str:
    """Return the last line that a process wrote, or its exit code."""
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"exit code {code}"


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
