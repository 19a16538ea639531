"""A client for the parts of Airflow's REST API that the demo needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx

from demo.errors import DemoError

# SQLite allows one writer at a time. If a request waits for it in the API server's event loop, the current writer
# cannot finish: after SQLite's timeout of five seconds Airflow answers 500, and has done nothing.
TRIES = 5


@dataclass(frozen=True)
class TaskState:
    """A task of a run: its state in Airflow ('waiting' before it has one), its duration in seconds, and its end."""

    task_id: str
    state: str
    seconds: float | None
    tries: int
    ended: datetime | None = None


class AirflowApi:
    """A logged-in client. Use as a context manager.

    Parameters
    ----------
    url : str
        Address of the web interface, without a slash at its end.
    user, password : str
    """

    def __init__(self, url: str, *, user: str, password: str) -> None:
        # Proxy settings of the environment must not be used for requests to this machine itself.
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)
        token = self._call("POST", "/auth/token", json={"username": user, "password": password})["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def has_dag(self, dag_id: str) -> bool:
        """Tell whether Airflow has parsed the DAG."""
        return self._http.get(f"/api/v2/dags/{dag_id}").is_success

    def import_errors(self) -> list[str]:
        """Return the import errors of DAG files."""
        found = self._call("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in found]

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run with the given parameters and return the run's id; unpause the DAG first if it is paused."""
        if self._call("GET", f"/api/v2/dags/{dag_id}")["is_paused"]:
            self.unpause(dag_id)
        # With a run id of our own, a second try does not start a second run.
        run_id = f"demo__{datetime.now(UTC).isoformat()}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body, also_good=(409,))
        return run_id

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return a run as Airflow describes it."""
        return self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")

    def unpause(self, dag_id: str) -> None:
        """Unpause the DAG, so that its runs begin, including those that are due by its schedule."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def is_due(self, dag_id: str) -> bool:
        """Tell whether the schedule is about to start a run: its next date has passed."""
        due = _moment(self._call("GET", f"/api/v2/dags/{dag_id}")["next_dagrun_run_after"])
        return due is not None and due <= datetime.now(UTC)

    def scheduled(self, dag_id: str) -> list[str]:
        """Return the ids of the runs that the schedule started, oldest first."""
        query = "run_type=scheduled&order_by=run_after"
        return [run["dag_run_id"] for run in self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns?{query}")["dag_runs"]]

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Return the run's tasks in no particular order."""
        found = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return [
            TaskState(
                task["task_id"],
                task["state"] or "waiting",
                task["duration"],
                task["try_number"],
                _moment(task["end_date"]),
            )
            for task in found
        ]

    def result(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Return the XCom of a task."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        value: dict[str, Any] = self._call("GET", path)["value"]
        return value

    def log(self, dag_id: str, run_id: str, task: TaskState) -> list[str]:
        """Return the lines of a task's last try."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task_id}/logs/{task.tries}"
        content = self._call("GET", path, headers={"Accept": "application/json"})["content"]
        return [line for entry in content for line in _lines(entry)]

    def _call(self, method: str, path: str, *, also_good: tuple[int, ...] = (), **arguments: Any) -> dict[str, Any]:
        for _ in range(TRIES):
            try:
                answer = self._http.request(method, path, **arguments)
            except httpx.TransportError as error:
                # On a busy machine an answer may be late. All requests of the demo may be repeated.
                unreachable: httpx.TransportError | None = error
                continue
            unreachable = None
            if not (answer.status_code == 500 and "Database error" in answer.text):
                break
        if unreachable is not None:
            raise DemoError(f"Airflow does not answer {method} {path}: {unreachable!r}")
        if not answer.is_success and answer.status_code not in also_good:
            raise DemoError(f"Airflow refused {method} {path}: {answer.status_code} {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _lines(entry: str | dict[str, Any]) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    errors = [f"{error['exc_type']}: {error['exc_value']}" for error in entry.get("error_detail") or []]
    return [f"{entry.get('level', '')} {entry['event']}".strip(), *errors]
