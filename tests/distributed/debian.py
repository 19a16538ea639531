"""PostgreSQL and Redis as Debian installs them: programs only. The system's own services are never touched."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Sequence
from pathlib import Path

PACKAGES = "postgresql redis-server"


def missing() -> list[str]:
    """Name the programs that a cluster needs and this machine does not have."""
    found = {"postgres": _postgres(), "redis-server": shutil.which("redis-server"), "setpriv": shutil.which("setpriv")}
    return [name for name, path in found.items() if path is None]


def postgres_program(name: str) -> Path:
    """Return the path of one of PostgreSQL's programs, such as `initdb`, of the newest version installed."""
    postgres = _postgres()
    assert postgres is not None, "ask missing() first"
    return postgres.with_name(name)


def hand_over(folder: Path, account: str) -> None:
    """Give a folder to the account that a server will run as; PostgreSQL refuses to run as root."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(account)
        os.chown(folder, user.pw_uid, user.pw_gid)


def run_as(account: str | None, command: Sequence[str | Path]) -> list[str | Path]:
    """Return the command that runs another as an account, where we are root, and ends it when its parent dies."""
    change = [f"--reuid={account}", f"--regid={account}", "--init-groups"] if account and os.geteuid() == 0 else []
    return ["setpriv", "--pdeathsig=TERM", *change, "--", *command]


def _postgres() -> Path | None:
    # Debian keeps them off the PATH, a folder for each version.
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    on_path = shutil.which("postgres")
    return versions[-1] if versions else Path(on_path) if on_path else None
