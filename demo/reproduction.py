"""Check that training the champion again from its own record gives the same model."""

from __future__ import annotations

import subprocess

from rich.console import Console

from demo.errors import DemoError
from demo.home import Home
from demo.processes import program


def reproduce_champion(home: Home, model: str, console: Console) -> None:
    """Run `perennial reproduce MODEL champion`, print what it says, and raise DemoError if the model differs."""
    done = subprocess.run(
        [program("perennial"), "reproduce", model, "champion"],
        env=home.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    console.print(done.stdout.strip(), soft_wrap=True, highlight=False)
    if done.returncode:
        raise DemoError(f"the reproduced champion differs: {(done.stderr or done.stdout).strip()}")
