"""A fit in Airflow's own task runner that is told to end: SIGTERM, a checkpoint, and a retry that goes on from it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from perennial.training.checkpoints.checkpoints import Checkpoint
    from tests.airflow.conftest import DagRunResult

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


def test_the_retry_of_a_task_that_airflow_ends_goes_on_after_its_checkpoint(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from perennial.training.checkpoints.checkpoints import Checkpoints

    began_after: list[int] = []
    train = Checkpoints.train

    def interrupted(self: Checkpoints, estimator: object, kept: Checkpoint | None, *rows: object) -> None:
        """The first fit gets SIGTERM while its tenth round is made, and takes Airflow's handler for what it is."""
        began_after.append(kept.made if kept else 0)
        if len(began_after) == 1:
            assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN), "Airflow handles it"
            looks = iter(range(1_000_000))

            def clock() -> float:
                if next(looks) == 10:
                    signal.raise_signal(signal.SIGTERM)
                return 0.0

            object.__setattr__(self, "clock", clock)
        train(self, estimator, kept, *rows)

    monkeypatch.setattr(Checkpoints, "train", interrupted)
    params = {"n_estimators": 40, "verbosity": -1, "n_jobs": 1}
    add_spec(model={"estimator": "lightgbm.LGBMClassifier", "params": params, "checkpoint_minutes": 60})
    land_orders()
    run = run_dag("orders.retrain")

    assert (run.state, run.tries["train"]) == ("success", 2)
    # The judged fit, its retry, and the refit.
    assert began_after == [0, 10, 0]
