"""Run stages in processes of their own, each killed after a stated time. Started by test_crash.py; speaks JSON lines.

A line in is {"stage", "arguments": [outcome, ...], "kill_after_s": number or null}; a line out is
{"outcome": JSON or null, "killed": bool, "seconds": number, "error": text or null}.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from perennial import outcomes, stages
from perennial.run import RetrainingRun
from perennial.spec.loader import load_spec
from perennial.store import open_store
from perennial_airflow.preload import STAGES, import_all

ARGUMENTS = {
    "ingest": (),
    "validate": (outcomes.Snapshot,),
    "train": (outcomes.Snapshot,),
    "evaluate": (outcomes.Snapshot, outcomes.Candidate),
    "decide": (outcomes.Evaluation, outcomes.Candidate),
    "register": (outcomes.Candidate, outcomes.Evaluation, outcomes.Verdict),
    "promote": (outcomes.RegisteredVersion, outcomes.Verdict),
}


def run_stage(settings: dict[str, str], stage: str, arguments: list[Any], answer: Path) -> None:
    """Run one stage as a task would, and put its outcome, or its error, into the answer."""
    run = RetrainingRun(
        spec=load_spec(Path(settings["spec"])),
        store=open_store(settings["store"]),
        run_id=settings["run_id"],
        tracking_uri=settings["tracking_uri"],
        data_root=Path(settings["data_root"]),
        reason="crash test",
        triggered_by="test",
    )
    given = [kind.model_validate(item) for kind, item in zip(ARGUMENTS[stage], arguments, strict=True)]
    try:
        result = {"outcome": getattr(stages, stage)(run, *given).model_dump(mode="json"), "error": None}
    except Exception as error:  # what a test has to see, whatever it is
        result = {"outcome": None, "error": f"{type(error).__name__}: {error}"}
    written = answer.with_suffix(".part")
    written.write_text(json.dumps(result))
    written.replace(answer)


def attempt(settings: dict[str, str], order: dict[str, Any], answer: Path) -> dict[str, Any]:
    """Fork a process for the order, kill it in time, and say what became of it."""
    answer.unlink(missing_ok=True)
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(2, 1)
            run_stage(settings, order["stage"], order["arguments"], answer)
        finally:
            os._exit(0)
    deadline = None if order["kill_after_s"] is None else started + order["kill_after_s"]
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if deadline is not None and time.monotonic() >= deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            break
        time.sleep(0.001)
    seconds = time.monotonic() - started
    if answer.exists():
        return {**json.loads(answer.read_text()), "killed": False, "seconds": seconds}
    return {"outcome": None, "error": None, "killed": True, "seconds": seconds}


def main() -> None:
    """Obey the orders on standard input until it ends."""
    settings = json.loads(sys.argv[1])
    import_all(STAGES)
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(attempt(settings, json.loads(line), Path(settings["answer"]))), flush=True)


main()
