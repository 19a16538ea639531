"""What is done to the stack in the middle of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chaos.stack import MONITOR, RETRAIN, Stack
from perennial.stages import STAGES

STEPS = ("open_check", "tests.ks", "govern", "trigger_retraining", "move_cursor")
AWAY_S = 30
# Longer than boto3's own tries, so that tasks see it.
FULL_S = 45
DAYS_A_CHECK = 4

Act = Callable[[Stack, dict[str, Any]], str]
"""Does it, when the task is under way, as Airflow describes that; returns what it did, with figures."""


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes
    ----------
    name : str
        For the command line.
    dag_id : str
        Whose run it meets.
    task_id, state : str
        It is done when this task is in this state.
    act : Act
        What is done.
    into : float
        Which part of the task's usual time passes before, 0 to 1.
    must_hit : bool
        The task has to be tried again; otherwise the fault came too late, and is done once more, earlier.
    before, after : int
        Days of orders that land before the run, and after the fault for a sensor that waits for them.
    drifted : bool
        Those before have drifted, so that the check triggers a retraining.
    """

    name: str
    dag_id: str
    task_id: str
    act: Act
    state: str = "running"
    into: float = 0.0
    must_hit: bool = False
    before: int = 0
    after: int = 0
    drifted: bool = False


def _kill_worker(stack: Stack, task: dict[str, Any]) -> str:
    stack.kill_container(task["hostname"])
    return "SIGKILL to the worker's container, which is started again"


def _away(*services: str) -> Act:
    def act(stack: Stack, _: dict[str, Any]) -> str:
        stack.compose("stop", "--timeout", "5", *services)
        time.sleep(AWAY_S)
        stack.start_services(*services)
        return f"stopped for {AWAY_S} s"

    return act


def _restart(service: str) -> Act:
    def act(stack: Stack, _: dict[str, Any]) -> str:
        stack.compose("restart", service)
        return "restarted"

    return act


def _full(stack: Stack, _: dict[str, Any]) -> str:
    with stack.s3_full():
        time.sleep(FULL_S)
    return f"every PUT and POST answered by 507 for {FULL_S} s"


def _full_to_the_end(stack: Stack, task: dict[str, Any]) -> str:
    with stack.s3_full():
        state = stack.end(task["dag_id"], task["dag_run_id"])
        said = stack.errors(task["dag_id"], task["dag_run_id"])
    return f"every PUT and POST answered by 507 until the run was {state} and said {'; '.join(said) or 'nothing'}"


def _kill_all(stack: Stack, _: dict[str, Any]) -> str:
    stack.compose("kill", "--signal", "SIGKILL")
    stack.up()
    return "SIGKILL to every container, then `up`"


def _deferred(service: str) -> Fault:
    return Fault(service, MONITOR, "wait_for_rows", _restart(service), state="deferred", after=DAYS_A_CHECK)


def _in_retraining(name: str, task_id: str, act: Act, **how: Any) -> Fault:
    return Fault(name, RETRAIN, task_id, act, before=1, **how)


def _in_check(name: str, task_id: str, act: Act) -> Fault:
    return Fault(name, MONITOR, task_id, act, before=DAYS_A_CHECK, drifted=True)


FAULTS = (
    _deferred("triggerer"),
    _deferred("scheduler"),
    # Steps of less than a second: the kill meets this one or the next.
    *(_in_check(f"kill-{step}", step, _kill_worker) for step in STEPS),
    *(_in_retraining(f"kill-{stage}", stage, _kill_worker, into=0.4, must_hit=True) for stage in STAGES),
    _in_retraining("redis", "ingest", _away("redis")),
    _in_retraining("postgres", "ingest", _away("postgres")),
    # The gate too, or S3 would only seem slow.
    _in_retraining("s3", "train", _away("s3", "gate")),
    _in_retraining("mlflow", "train", _away("mlflow")),
    _in_retraining("s3-full", "ingest", _full),
    _in_retraining("s3-full-to-the-end", "ingest", _full_to_the_end),
    _in_retraining("everything", "train", _kill_all, into=0.4),
)
