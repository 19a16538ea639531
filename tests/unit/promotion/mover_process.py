"""Registers and promotes in processes of their own, which can be killed between any two effects.

Reads a JSON list of jobs a line, runs each job in a fork, all at once, and answers with their exit codes: 0 done,
3 PromotionError, -9 killed. The imports are paid once.
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

from perennial.deployment import Deployment
from perennial.errors import PromotionError
from perennial.evaluation.records import Evaluation
from perennial.models.candidate import Candidate
from perennial.promotion.records import RegisteredVersion, Verdict
from perennial.promotion.registry import promote, register
from perennial.rollback.records import Examination
from perennial.rollback.request import RollbackRequest
from perennial.rollback.roll_back import roll_back
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore

EFFECTS = (
    (LocalStore, "read_versioned"),
    (LocalStore, "create"),
    (LocalStore, "replace"),
    (MlflowClient, "create_registered_model"),
    (MlflowClient, "search_model_versions"),
    (MlflowClient, "get_logged_model"),
    (MlflowClient, "create_model_version"),
    (MlflowClient, "set_tag"),
    (MlflowClient, "get_model_version"),
    (MlflowClient, "get_model_version_by_alias"),
    (MlflowClient, "set_model_version_tag"),
    (MlflowClient, "set_registered_model_alias"),
)


def main() -> None:
    for line in sys.stdin:
        processes = [_fork(job) for job in json.loads(line)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]
        print(json.dumps(codes), flush=True)


def _fork(job: dict[str, Any]) -> int:
    process = os.fork()
    if process == 0:
        os._exit(_work(job))
    return process


def _work(job: dict[str, Any]) -> int:
    if job.get("kill_after") is not None:
        _die_after(job["kill_after"])
    run = RetrainingRun(
        spec=ModelSpec.model_validate_json(job["spec"]),
        deployment=Deployment(
            store=LocalStore(job["store"]), tracking_uri=job["tracking_uri"], data_root=Path(job["store"])
        ),
        run_id=job["run_id"],
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    verdict = Verdict.model_validate_json(job["verdict"])
    try:
        if "candidate" in job:
            candidate = Candidate.model_validate_json(job["candidate"])
            register(run, candidate, Evaluation.model_validate_json(job["evaluation"]), verdict)
        elif "request" in job:
            roll_back(run, RollbackRequest(**job["request"]), Examination.model_validate(job["examination"]))
        else:
            promote(run, RegisteredVersion(name=run.spec.name, version=job["version"], alias=None), verdict)
    except PromotionError:
        return 3
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

    for owner, name in EFFECTS:
        setattr(owner, name, counted(getattr(owner, name)))


if __name__ == "__main__":
    main()
