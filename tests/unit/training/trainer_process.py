"""Trains or refits in processes of their own, which can be killed between any two effects on MLflow, or on a bundle's record.

Reads a JSON job a line, runs it in a fork, and answers with its exit code: 0 done, -9 killed. The imports are
paid once.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from perennial.data.snapshots.records import Snapshot
from perennial.deployment import Deployment
from perennial.models.candidate import Candidate
from perennial.promotion.records import Verdict
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore
from perennial.training.refit import refit
from perennial.training.train import train

EFFECTS = (
    "create_experiment",
    "create_run",
    "log_batch",
    "log_text",
    "create_logged_model",
    "log_model_artifacts",
    "finalize_logged_model",
    "log_outputs",
    "set_terminated",
    "delete_logged_model",
    "delete_run",
)


def main() -> None:
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            os._exit(_work(json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


def _work(job: dict[str, Any]) -> int:
    _die_after(job["kill_after"])
    run = RetrainingRun(
        spec=ModelSpec.model_validate_json(job["spec"]),
        deployment=Deployment(
            store=LocalStore(job["store"]), tracking_uri=job["tracking_uri"], data_root=Path(job["store"])
        ),
        run_id=job["run_id"],
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    try:
        snapshot = Snapshot.model_validate_json(job["snapshot"])
        if "candidate" in job:
            refit(run, snapshot, Candidate.model_validate(job["candidate"]), Verdict.model_validate(job["verdict"]))
        else:
            train(run, snapshot)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _die_after(effects: int) -> None:
    """Kill this process when the nth effect is done; 0: before the first."""
    seen = 0

    def counted(method: Any) -> Any:
        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal seen
            if seen == effects:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1
            return method(*args, **kwargs)

        return call

    for name in EFFECTS:
        setattr(MlflowClient, name, counted(getattr(MlflowClient, name)))
    LocalStore.create = counted(LocalStore.create)


if __name__ == "__main__":
    main()
