"""What is done to the stack in the middle of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from chaos.stack import MONITOR, RETRAIN, Stack

STAGES = ("ingest", "validate", "train", "evaluate", "decide", "register", "promote")
AWAY_S = 30
# Longer than boto3's own tries, so that tasks see it.
FULL_S = 45
DAYS_A_CHECK = 4

Act = Callable[[Stack, str], str]
"""Does it, when the task is under way; returns what it did, with figures."""


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
    lands : int
        Days of orders that land after it, for a sensor that waits for them.
    """

    name: str
    dag_id: str
    task_id: str
    act: Act
    state: str = "running"
    into: float = 0.0
    must_hit: bool = False
    lands: int = 0


def _kill_worker(stack: Stack, hostname: str) -> str:
    stack.kill_container(hostname)
    return "SIGKILL to the worker's container, which is started again"


def _away(*services: str) -> Act:
    def act(stack: Stack, _: str) -> str:
        stack.compose("stop", "--timeout", "5", *services)
        time.sleep(AWAY_S)
        stack.start_services(*services)
        return f"stopped for {AWAY_S} s"

    return act


def _restart(service: str) -> Act:
    def act(stack: Stack, _: str) -> str:
        stack.compose("restart", service)
        return "restarted"

    return act


def _full(stack: Stack, _: str) -> str:
    stack.compose("exec", "-T", "gate", "touch", "/tmp/full")
    time.sleep(FULL_S)
    stack.compose("exec", "-T", "gate", "rm", "/tmp/full")
    return f"every PUT and POST answered by 507 for {FULL_S} s"


def _kill_all(stack: Stack, _: str) -> str:
    stack.compose("kill", "--signal", "SIGKILL")
    stack.up()
    return "SIGKILL to every container, then `up`"


FAULTS = (
    Fault("triggerer", MONITOR, "wait_for_rows", _restart("triggerer"), state="deferred", lands=DAYS_A_CHECK),
    Fault("scheduler", MONITOR, "wait_for_rows", _restart("scheduler"), state="deferred", lands=DAYS_A_CHECK),
    *(Fault(f"kill-{stage}", RETRAIN, stage, _kill_worker, into=0.4, must_hit=True) for stage in STAGES),
    Fault("redis", RETRAIN, "ingest", _away("redis")),
    Fault("postgres", RETRAIN, "ingest", _away("postgres")),
    # The gate too, or S3 would only seem slow.
    Fault("s3", RETRAIN, "train", _away("s3", "gate")),
    Fault("mlflow", RETRAIN, "train", _away("mlflow")),
    Fault("s3-full", RETRAIN, "ingest", _full),
    Fault("everything", RETRAIN, "train", _kill_all, into=0.4),
)
