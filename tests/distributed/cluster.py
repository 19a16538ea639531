"""A whole Airflow with Celery workers, PostgreSQL, Redis, S3 and MLflow's server: that of production, without Docker."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from demo.health import airflow_is_healthy, mlflow_answers
from demo.processes import Service, program, recorded, stop
from tests.distributed.debian import run_as
from tests.distributed.postgres import Postgres
from tests.distributed.redis_server import Redis

REPOSITORY = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 300
TAIL_LINES = 30
ACCOUNTS = ("viewer", "operator", "admin")


@dataclass(frozen=True)
class Worker:
    """A Celery worker: the queues it takes tasks from, and what it has in its environment besides all others'."""

    queues: tuple[str, ...] = ("default",)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """What a cluster is made of.

    Attributes
    ----------
    models : Path
        The folder of specs.
    workers : dict
        By name.
    environment : dict
        For all of Airflow's processes and MLflow's server: where S3 is, PERENNIAL_*, AIRFLOW__*.
    artifacts : str
        Where MLflow's server keeps artifacts, such as `s3://mlflow`.
    training_slots : int
        Of the pool `training`.
    """

    models: Path
    workers: Mapping[str, Worker]
    environment: Mapping[str, str]
    artifacts: str
    training_slots: int = 2


class Cluster:
    """Processes that were started, and how to reach them. Make one with `running_cluster`."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self.passwords = {account: secrets.token_urlsafe(12) for account in ACCOUNTS}
        self._pids = self._folder("pids")
        airflow_port, mlflow_port, postgres_port, redis_port = _free_ports(4)
        self.airflow_url = f"http://127.0.0.1:{airflow_port}"
        self.mlflow_url = f"http://127.0.0.1:{mlflow_port}"
        self.postgres = Postgres.start(
            self._folder("postgres"), port=postgres_port, databases=["airflow", "mlflow", "tuning"], pids=self._pids
        )
        self.redis = Redis.start(self._folder("redis"), port=redis_port, pids=self._pids)
        self.environment = self._environment(airflow_port)

    def start(self) -> None:
        """Start MLflow and Airflow, and return when all of it answers."""
        self._start_mlflow()
        for name in self.settings.workers:
            self.start_worker(name)
        self._initialise()
        self._start("api-server", "airflow", "api-server")
        self._start("scheduler", "airflow", "scheduler", "--skip-serve-logs")
        self._start("dag-processor", "airflow", "dag-processor")
        self._start("triggerer", "airflow", "triggerer", "--skip-serve-logs")
        self.wait_until(lambda: mlflow_answers(self.mlflow_url), what="MLflow")
        self.wait_until(lambda: airflow_is_healthy(self.airflow_url), what="Airflow")
        for name in self.settings.workers:
            self.wait_until(
                lambda name=name: b"ready." in self.worker_log(name).read_bytes(), what=f"the worker {name}"
            )

    def start_worker(self, name: str) -> Service:
        """Start a worker that has nothing on its disk: working folder, home and temporary folder are its own, and empty."""
        worker = self.settings.workers[name]
        home = self.worker_log(name).parent
        shutil.rmtree(home, ignore_errors=True)
        (home / "tmp").mkdir(parents=True)
        own = {"WORKER_NAME": name, "AIRFLOW_HOME": home / "airflow", "HOME": home, "TMPDIR": home / "tmp"}
        environment = self.environment | {key: str(value) for key, value in own.items()} | dict(worker.environment)
        command = [
            "celery",
            "worker",
            "--queues",
            ",".join(worker.queues),
            "--celery-hostname",
            name,
            "--skip-serve-logs",
        ]
        return self._start(f"worker-{name}", "airflow", *command, environment=environment, log=self.worker_log(name))

    def worker(self, name: str) -> Service:
        """Return the processes of a worker."""
        (found,) = [service for service in recorded(self._pids) if service.name == f"worker-{name}"]
        return found

    def worker_log(self, name: str) -> Path:
        """Return what a worker prints. It lies in its working folder."""
        return self.folder / "workers" / name / "worker.log"

    def kill_worker(self, name: str) -> None:
        """End all of a worker's processes at once by SIGKILL, as a machine does that loses its power."""
        for process in self.worker(name).members():
            process.kill()

    def token(self, account: str) -> str:
        """Log in over the REST API and return the token."""
        body = {"username": account, "password": self.passwords[account]}
        answer = httpx.post(f"{self.airflow_url}/auth/token", json=body, timeout=60, trust_env=False)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["access_token"])

    def client(self, account: str) -> httpx.Client:
        """Return a client of the REST API that is logged in."""
        headers = {"Authorization": f"Bearer {self.token(account)}"}
        return httpx.Client(base_url=self.airflow_url, headers=headers, timeout=60, trust_env=False)

    def stop(self) -> None:
        """Stop all that was started, the databases last."""
        services = {service.name: service for service in recorded(self._pids)}
        databases = [services.pop(name) for name in ("postgres", "redis") if name in services]
        stop(list(services.values()), grace_s=3)
        stop(databases, grace_s=3)

    def wait_until(self, ready: Callable[[], bool], *, what: str, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait for something; raise RuntimeError with the ends of all logs when it takes too long."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what} is not there after {timeout_s} seconds:\n{self.tails()}")
            time.sleep(0.2)

    def tails(self) -> str:
        """Return the ends of all logs."""
        return "\n".join(f"--- {log.name}\n{_tail(log)}" for log in sorted(self.folder.rglob("*.log")) if log.is_file())

    def _environment(self, airflow_port: int) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIRFLOW", "AWS", "MLFLOW", "PERENNIAL")) and name != "DATABASE_URL"
        }
        database = self.postgres.url("airflow")
        airflow = {
            "API__BASE_URL": self.airflow_url,
            "API__HOST": "127.0.0.1",
            "API__PORT": str(airflow_port),
            "API__SECRET_KEY": secrets.token_urlsafe(32),
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
            "CELERY__BROKER_URL": self.redis.url,
            "CELERY__RESULT_BACKEND": f"db+{database}",
            "CELERY__WORKER_CONCURRENCY": "2",
            "CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
            "CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
            "CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.airflow_url}/execution/",
            "CORE__EXECUTOR": "CeleryExecutor",
            "CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "CORE__HOSTNAME_CALLABLE": "tests.distributed.worker_name.worker_name",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
            "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
            "DATABASE__SQL_ALCHEMY_CONN": database,
            # The logs are for whoever reads a failure; no task reads another's.
            "LOGGING__BASE_LOG_FOLDER": str(self._folder("task_logs")),
            "OPERATORS__DEFAULT_QUEUE": "default",
            "SCHEDULER__ENABLE_HEALTH_CHECK": "False",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            # A lost worker is noticed after five minutes by default.
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        }
        return (
            inherited
            | {f"AIRFLOW__{name}": value for name, value in airflow.items()}
            | {
                "AIRFLOW_HOME": str(self._folder("airflow")),
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                "MLFLOW_TRACKING_URI": self.mlflow_url,
                "OMP_NUM_THREADS": "1",
                "PERENNIAL_MODELS": str(self.settings.models),
                "PERENNIAL_TUNING": self.postgres.url("tuning"),
                "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]),
            }
            | dict(self.settings.environment)
        )

    def _start_mlflow(self) -> None:
        port = httpx.URL(self.mlflow_url).port
        where = [
            f"--backend-store-uri={self.postgres.url('mlflow')}",
            f"--artifacts-destination={self.settings.artifacts}",
        ]
        self._start("mlflow", "mlflow", "server", "--host=127.0.0.1", f"--port={port}", "--workers=1", *where)

    def _start(
        self,
        name: str,
        command: str,
        *arguments: str,
        environment: dict[str, str] | None = None,
        log: Path | None = None,
    ) -> Service:
        whole = run_as(None, [program(command), *arguments])
        log = log or self._folder("services", name) / f"{name}.log"
        return Service.start(name, whole, environment=environment or self.environment, log=log, folder=self._pids)

    def _initialise(self) -> None:
        """Make tables, accounts and pools, as production does."""
        own = {f"{account.upper()}_PASSWORD": password for account, password in self.passwords.items()}
        own |= {"TRAINING_SLOTS": str(self.settings.training_slots), "LIGHT_SLOTS": "8"}
        own |= {"PATH": os.pathsep.join([str(program("airflow").parent), os.environ["PATH"]])}
        done = subprocess.run(
            [sys.executable, REPOSITORY / "docker" / "init" / "airflow_init.py"],
            env=self.environment | own,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"Airflow's database could not be made:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")

    def _folder(self, *parts: str) -> Path:
        folder = self.folder.joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@contextmanager
def running_cluster(settings: Settings) -> Iterator[Cluster]:
    """Start a cluster, and stop it and remove its folder whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="perennial-cluster-"))
    # The databases run as accounts of their own, which must reach their folders, and nobody else's.
    folder.chmod(0o711)
    cluster: Cluster | None = None
    try:
        cluster = Cluster(folder, settings)
        cluster.start()
        yield cluster
    finally:
        stop(recorded(folder / "pids"), grace_s=0) if cluster is None else cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    listeners = [socket.socket() for _ in range(count)]
    for listener in listeners:
        listener.bind(("127.0.0.1", 0))
    ports = [int(listener.getsockname()[1]) for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
