"""A PostgreSQL of our own in a folder of its own, with a password."""

from __future__ import annotations

import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from demo.processes import Service, stop
from tests.distributed.debian import hand_over, postgres_program, run_as

ACCOUNT = "postgres"
START_TIMEOUT_S = 60
CONNECTIONS = 200


@dataclass(frozen=True)
class Postgres:
    """A running server on 127.0.0.1, with a database and a user of the same name for each who asked."""

    service: Service
    port: int
    passwords: dict[str, str]

    def url(self, database: str, driver: str = "postgresql+psycopg") -> str:
        """Return SQLAlchemy's URL of a database."""
        return f"{driver}://{database}:{self.passwords[database]}@127.0.0.1:{self.port}/{database}"

    @classmethod
    def start(cls, folder: Path, *, port: int, databases: list[str], pids: Path) -> Postgres:
        """Make a cluster of databases in an empty folder and start its server."""
        hand_over(folder, ACCOUNT)
        passwords = {name: secrets.token_hex(16) for name in ("postgres", *databases)}
        password_file = folder / "password"
        password_file.write_text(passwords["postgres"])
        password_file.chmod(0o600)
        hand_over(password_file, ACCOUNT)
        data = folder / "data"
        how = [
            "--username=postgres",
            "--auth=scram-sha-256",
            f"--pwfile={password_file}",
            "--encoding=UTF8",
            "--no-sync",
        ]
        initdb: list[str | Path] = [postgres_program("initdb"), f"--pgdata={data}", "--no-locale", *how]
        done = subprocess.run(run_as(ACCOUNT, initdb), cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"PostgreSQL's initdb failed:\n{done.stdout}{done.stderr}")
        password_file.unlink()
        # Nothing here has to survive the machine.
        options = {
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": CONNECTIONS,
            "listen_addresses": "127.0.0.1",
        }
        options |= {"port": port, "unix_socket_directories": ""}
        server: list[str | Path] = [postgres_program("postgres"), "-D", data]
        server += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        log = folder / "postgres.log"
        service = Service.start(
            "postgres", run_as(ACCOUNT, server), environment={"LANG": "C.UTF-8"}, log=log, folder=pids
        )
        postgres = cls(service, port, passwords)
        postgres._make(databases, log)
        return postgres

    def _make(self, databases: list[str], log: Path) -> None:
        with _connect(self.url("postgres", "postgresql"), self.service, log) as admin:
            for name in databases:
                user, password = sql.Identifier(name), sql.Literal(self.passwords[name])
                admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(user, password))
                admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(user, user))


@contextmanager
def running_postgres(*databases: str) -> Iterator[Postgres]:
    """Run a server with these databases, in a folder of its own: PostgreSQL's account could not go below pytest's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("data", "pids"):
            (folder / part).mkdir()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        server = Postgres.start(folder / "data", port=port, databases=list(databases), pids=folder / "pids")
        try:
            yield server
        finally:
            stop([server.service])


def _connect(url: str, service: Service, log: Path) -> psycopg.Connection:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            return psycopg.connect(url, autocommit=True)
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline or not service.is_alive():
                raise RuntimeError(f"PostgreSQL did not start: {error}\n{log.read_text()}") from None
            time.sleep(0.05)
