"""Control the stack from outside: its containers by docker compose, its runs by Airflow's REST API."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from demo.airflow_api import AirflowApi, TaskState
from demo.errors import DemoError

FOLDER = Path(__file__).parent
MODEL = "chaos_orders"
RETRAIN, MONITOR = f"{MODEL}.retrain", f"{MODEL}.monitor"
ENDED = ("success", "failed")
FAILED = ("failed", "up_for_retry")
# `StoreUnavailable: ...`: exception and message, as in the log.
ERROR = re.compile(r"\w+(Error|Unavailable|Failed): ")
LONGEST_ERROR = 160
POLL_S = 0.3
# Longer than all tries of a task, including their back-off.
PATIENCE_S = 900
TIMES_TO_START = 10
Result = TypeVar("Result")


class ChaosError(Exception):
    """The script cannot continue."""


class Api(AirflowApi):
    """The demo's client with additional requests."""

    def instances(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """Return the tasks of a run as Airflow describes them, by name."""
        found = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found}

    def runs(self, dag_id: str) -> dict[str, str]:
        """Return run id -> state of all runs."""
        found = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params={"limit": 1000})["dag_runs"]
        return {run["dag_run_id"]: run["state"] for run in found}

    def clear(self, dag_id: str, run_id: str) -> None:
        """Clear the failed tasks of a run and all tasks after them."""
        body = {"dry_run": False, "dag_run_id": run_id, "only_failed": True, "include_downstream": True}
        self._call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", json=body)


class Stack:
    """The compose project in this folder, whose specs are replaced by the one of chaos while it is open."""

    def __init__(self) -> None:
        self._environment = os.environ | {
            "COMPOSE_FILE": "docker-compose.yaml:chaos/compose.yaml",
            "PERENNIAL_SPECS": "./chaos/specs",
            "S3_ENDPOINT_URL": "http://gate:8333",
        }
        self._api: Api | None = None

    def up(self) -> None:
        """Bring everything up and wait until it is healthy; on a busy machine that takes more than one try."""
        for _ in range(TIMES_TO_START - 1):
            try:
                self._up()
            except ChaosError:
                continue
            return
        self._up()

    def compose(self, *arguments: str, stdin: str | None = None) -> str:
        """Run docker compose and return what it prints."""
        done = subprocess.run(
            ["docker", "compose", *arguments], env=self._environment, input=stdin, capture_output=True, text=True
        )
        if done.returncode:
            raise ChaosError(f"docker compose {' '.join(arguments)}: {done.stderr.strip()[-800:]}")
        return done.stdout

    def kill_container(self, container: str) -> None:
        """SIGKILL a container, by name or id, and start it again."""
        for command in ("kill", "start"):
            subprocess.run(["docker", command, container], check=True, capture_output=True)

    def start_services(self, *services: str) -> None:
        """Start stopped services and nothing else; `docker compose start` would also start those that run once."""
        containers = self.compose("ps", "--all", "--quiet", *services).split()
        subprocess.run(["docker", "start", *containers], check=True, capture_output=True)

    def inside(self, *arguments: str) -> str:
        """Run inside.py in the stack's network."""
        script = (FOLDER / "inside.py").read_text()
        return self.compose("run", "--rm", "--no-deps", "-T", "tools", "python", "-", *arguments, stdin=script)

    @contextmanager
    def s3_full(self) -> Iterator[None]:
        """Make the proxy refuse writes inside the block."""
        self.compose("exec", "-T", "gate", "touch", "/tmp/full")
        try:
            yield
        finally:
            self.compose("exec", "-T", "gate", "rm", "/tmp/full")

    def land(self, days: int, *, drifted: bool = False) -> None:
        """Add days of orders to the landing bucket."""
        self.inside("land", str(days), *(["drifted"] if drifted else []))

    def look(self) -> dict[str, Any]:
        """Return the state of the model in store, registry and Airflow."""
        found: dict[str, Any] = json.loads(self.inside("look").splitlines()[-1])
        found["retrainings"] = self.ask(lambda api: api.runs(RETRAIN))
        found["monitor_runs"] = self.ask(lambda api: api.runs(MONITOR))
        return found

    def ask(self, call: Callable[[Api], Result], *, patience_s: float = 300) -> Result:
        """Call Airflow's API; repeat the call while it or its database does not answer."""
        deadline = time.monotonic() + patience_s
        while True:
            try:
                if self._api is None:
                    self._api = self._log_in()
                return call(self._api)
            except (httpx.TransportError, DemoError, ValueError) as error:
                if time.monotonic() > deadline:
                    raise ChaosError(f"Airflow did not answer for {patience_s:.0f} seconds: {error}") from error
                time.sleep(1)

    def start(self, dag_id: str) -> str:
        """Trigger a run and return its id."""
        return self.ask(lambda api: api.trigger(dag_id, {}))

    def until(self, dag_id: str, run_id: str, task_id: str, *states: str) -> dict[str, Any] | None:
        """Wait until a task is in one of the states and return it; None if the run ended before."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            task = self.ask(lambda api: api.instances(dag_id, run_id)).get(task_id)
            if task and task["state"] in states:
                return task
            if self.state(dag_id, run_id) in ENDED:
                return None
            time.sleep(POLL_S)
        raise ChaosError(f"{task_id} of {run_id} is not {' or '.join(states)} after {PATIENCE_S} seconds")

    def state(self, dag_id: str, run_id: str) -> str:
        """Return a run's state."""
        return str(self.ask(lambda api: api.run(dag_id, run_id))["state"])

    def end(self, dag_id: str, run_id: str) -> str:
        """Wait for a run's end and return its state."""
        deadline = time.monotonic() + PATIENCE_S
        while (state := self.state(dag_id, run_id)) not in ENDED:
            if time.monotonic() > deadline:
                return f"still {state} after {PATIENCE_S} seconds"
            time.sleep(1)
        return state

    def idle(self, dag_id: str) -> set[str]:
        """Wait until no run of the DAG is queued or running; return the ids of all its runs."""
        runs: dict[str, str] = {}
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            runs = self.ask(lambda api: api.runs(dag_id))
            if set(runs.values()) <= set(ENDED):
                break
            time.sleep(1)
        return set(runs)

    def errors(self, dag_id: str, run_id: str) -> list[str]:
        """Return the last line of the logs of all failed tries of a run, with the task."""
        failed = [
            TaskState(name, task["state"], None, task["try_number"] - (task["state"] not in FAILED))
            for name, task in self.ask(lambda api: api.instances(dag_id, run_id)).items()
            if task["state"] in FAILED or task["try_number"] > 1
        ]
        logs = {task.task_id: self.ask(lambda api, task=task: api.log(dag_id, run_id, task)) for task in failed}  # type: ignore[misc]
        told = {name: [line for line in lines if ERROR.match(line)] for name, lines in logs.items()}
        return [f"{name}: {lines[-1][:LONGEST_ERROR]}" for name, lines in told.items() if lines]

    def settings(self) -> dict[str, str]:
        """Return ports and the operator's password, as compose reads them from .env."""
        services = json.loads(self.compose("config", "--format", "json"))["services"]
        init = services["airflow-init"]["environment"]
        (port,) = services["api-server"]["ports"]
        images = ", ".join(services[name]["image"] for name in ("postgres", "redis", "s3"))
        return {"password": init["OPERATOR_PASSWORD"], "port": port["published"], "images": images}

    def _up(self) -> None:
        self.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "600")

    def _log_in(self) -> Api:
        found = self.settings()
        return Api(f"http://127.0.0.1:{found['port']}", user="operator", password=found["password"])
