"""The faults that are injected into the stack in the middle of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chaos.stack import MONITOR, RETRAIN, Stack
from perennial.stages import STAGES

STEPS = ("open_check", "tests.ks", "govern", "trigger_retraining", "move_cursor")
AWAY_S = 30
# Longer than boto3's own retries, so that tasks notice it.
FULL_S = 45
DAYS_A_CHECK = 4

Act = Callable[[Stack, dict[str, Any]], str]
"""Injects the fault while a task runs. Takes Airflow's description of the task, returns a sentence about the fault."""


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes
    ----------
    name : str
        Name on the command line.
    dag_id : str
        DAG in whose run the fault is injected.
    task_id, state : str
        The fault is injected when this task is in this state.
    act : Act
        Function that injects the fault.
    into : float
        Share of the task's usual time that passes before the fault, 0 to 1.
    must_hit : bool
        The task must be tried again. If it is not, the fault came too late, and is injected once more, earlier.
    before, after : int
        Days of orders that land before the run; and after the fault, for a sensor that waits for them.
    drifted : bool
        The days before have drifted, so that the check triggers a retraining.
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


# The flights' models serve alone, so that none are assembled.
STAGES_OF_FLIGHTS = tuple(
    stage for stage in STAGES if stage not in ("tune", "choose", "assemble", "package", "rehearse", "publish")
)

FAULTS = (
    _deferred("triggerer"),
    _deferred("scheduler"),
    # These steps take less than a second: the kill hits this one or the next.
    *(_in_check(f"kill-{step}", step, _kill_worker) for step in STEPS),
    *(_in_retraining(f"kill-{stage}", stage, _kill_worker, into=0.4, must_hit=True) for stage in STAGES_OF_FLIGHTS),
    _in_retraining("redis", "ingest", _away("redis")),
    _in_retraining("postgres", "ingest", _away("postgres")),
    # The proxy is stopped too, since otherwise S3 would only seem slow.
    _in_retraining("s3", "train", _away("s3", "gate")),
    _in_retraining("mlflow", "train", _away("mlflow")),
    _in_retraining("s3-full", "ingest", _full),
    _in_retraining("s3-full-to-the-end", "ingest", _full_to_the_end),
    _in_retraining("everything", "train", _kill_all, into=0.4),
)
