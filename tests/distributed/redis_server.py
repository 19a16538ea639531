"""A Redis of our own, with a password, that keeps nothing on disk."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from demo.processes import Service
from tests.distributed.debian import hand_over, run_as

ACCOUNT = "redis"


@dataclass(frozen=True)
class Redis:
    """A running server on 127.0.0.1."""

    service: Service
    url: str

    @classmethod
    def start(cls, folder: Path, *, port: int, pids: Path) -> Redis:
        """Start a server in an empty folder; it answers within a moment, and Celery waits for it."""
        hand_over(folder, ACCOUNT)
        password = secrets.token_hex(16)
        settings = folder / "redis.conf"
        # In a file: a command line can be read by everyone.
        settings.write_text(
            f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndir {folder}\n'
        )
        settings.chmod(0o600)
        hand_over(settings, ACCOUNT)
        command = run_as(ACCOUNT, ["redis-server", settings])
        service = Service.start("redis", command, environment={}, log=folder / "redis.log", folder=pids)
        return cls(service, f"redis://:{password}@127.0.0.1:{port}/0")
