"""`python -m chaos [FAULT ...]`: injects each fault in the middle of a run, then checks.

Ends with 1 if a check fails.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chaos.checks import broken
from chaos.faults import DAYS_A_CHECK, FAULTS, Fault
from chaos.stack import MONITOR, RETRAIN, ChaosError, Stack
from perennial.stages import STAGES

FIRST_DAYS = 40
TIMES_TO_HIT = 3


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    done: str
    found: str
    seconds: float
    right: bool


def prepare(stack: Stack) -> dict[str, float]:
    """Bring the stack up, retrain and check once undisturbed, and return the usual seconds of each stage."""
    stack.up()
    runs = {}
    for dag_id, days in ((RETRAIN, FIRST_DAYS), (MONITOR, DAYS_A_CHECK)):
        stack.land(days)
        # A check that an interrupted `make chaos` left waiting uses these rows.
        stack.idle(dag_id)
        stack.land(DAYS_A_CHECK)
        runs[dag_id] = stack.start(dag_id)
        if stack.end(dag_id, runs[dag_id]) != "success":
            raise ChaosError(f"the undisturbed run {runs[dag_id]} of {dag_id} failed: see its log in Airflow")
    tasks = stack.ask(lambda api: api.instances(RETRAIN, runs[RETRAIN]))
    return {stage: tasks[stage]["duration"] for stage in STAGES if stage in tasks}


def suffer(stack: Stack, fault: Fault, usual: dict[str, float]) -> Row:
    """Inject a fault in the middle of a run, wait for the run's end, and check everything."""
    began = time.monotonic()
    into = fault.into
    for _ in range(TIMES_TO_HIT):
        known, run_id, task = _begin(stack, fault)
        delay = usual.get(fault.task_id, 0.0) * into
        time.sleep(delay)
        began = time.monotonic()
        did = fault.act(stack, task)
        said = stack.errors(fault.dag_id, run_id)
        if fault.after:
            stack.land(fault.after)
        ended = _end(stack, fault, run_id, said)
        tasks = stack.ask(lambda api, run_id=run_id: api.instances(fault.dag_id, run_id))  # type: ignore[misc]
        seconds = time.monotonic() - began
        if not fault.must_hit or tasks[fault.task_id]["try_number"] > 1:
            break
        into /= 2
    else:
        return Row(fault.name, f"the stage had ended before, {TIMES_TO_HIT} times", seconds, right=False)
    if fault.dag_id == MONITOR:
        ended.append(f"retrainings triggered: {len(stack.idle(RETRAIN) - known)}")
    faults = broken(stack.look())
    state = stack.state(fault.dag_id, run_id)
    if state != "success":
        faults.insert(0, f"the run is {state}")
    again = [f"{name} {task['try_number']} tries" for name, task in tasks.items() if task["try_number"] > 1]
    found = "; ".join([*ended, ", ".join(again) or "no task was tried again", *(faults or ["all complete"])])
    when = f"{delay:.1f} s into {fault.task_id}" if delay else f"{fault.task_id} {fault.state}"
    return Row(f"{fault.name}: {did} ({when})", found, seconds, right=not faults)


def _begin(stack: Stack, fault: Fault) -> tuple[set[str], str, dict[str, Any]]:
    """Start a run; return the retrainings before it, its id, and the task in which the fault is injected."""
    for _ in range(TIMES_TO_HIT):
        known = stack.idle(RETRAIN)
        if fault.before:
            stack.land(fault.before, drifted=fault.drifted)
        run_id = stack.start(fault.dag_id)
        task = stack.until(fault.dag_id, run_id, fault.task_id, fault.state)
        if task is not None:
            return known, run_id, task
    raise ChaosError(f"{fault.name}: {fault.task_id} was never {fault.state}")


def _end(stack: Stack, fault: Fault, run_id: str, said: list[str]) -> list[str]:
    """Wait for the end; clear a failed run once, as a person would.

    Return sentences with the errors of failed tries.
    """
    state = stack.end(fault.dag_id, run_id)
    said = list(dict.fromkeys([*said, *stack.errors(fault.dag_id, run_id)]))
    if state != "failed":
        return [f"the run ended: {state}", *said]
    stack.ask(lambda api: api.clear(fault.dag_id, run_id))
    return ["the run failed", *said, f"cleared, it ended: {stack.end(fault.dag_id, run_id)}"]


def main() -> int:
    """Inject the faults that are named, or all; print the table."""
    console = Console() if sys.stdout.isatty() else Console(width=160)
    chosen = [fault for fault in FAULTS if fault.name in sys.argv[1:] or not sys.argv[1:]]
    if unknown := set(sys.argv[1:]) - {fault.name for fault in FAULTS}:
        console.print(f"no fault {', '.join(unknown)}; there are {', '.join(fault.name for fault in FAULTS)}")
        return 2
    stack = Stack()
    table = Table("what was done", "what was found", "seconds")
    images = ""
    right = True
    try:
        images = stack.settings()["images"]
        usual = prepare(stack)
        for fault in chosen:
            row = suffer(stack, fault, usual)
            right = right and row.right
            mark = "right" if row.right else "BROKEN"
            console.print(escape(f"{mark:6} {row.done}: {row.found} ({row.seconds:.0f} s)"), soft_wrap=True)
            table.add_row(escape(row.done), escape(row.found), f"{row.seconds:.0f}")
    except ChaosError as error:
        console.print(f"[red]Chaos:[/] {escape(str(error))}", soft_wrap=True, highlight=False)
        right = False
    if table.row_count:
        console.print(table)
        console.print(f"The third-party images: {images}.")
        console.print("Your own specs are read again after: docker compose up --detach --remove-orphans")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
