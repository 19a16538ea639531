"""A fit in Airflow's own task runner that is told to end: SIGTERM, a checkpoint, and a retry that goes on from it."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.airflow.conftest import DagRunResult

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


def test_the_retry_of_a_task_that_airflow_ends_goes_on_after_its_checkpoint(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from perennial.training.checkpoints.checkpoints import Checkpoints

    began: list[int] = []
    train = Checkpoints.train

    def interrupted(self: Checkpoints, *arguments: object) -> None:
        """The first fit gets SIGTERM while its tenth round is made, and takes Airflow's handler for what it is."""
        began.append(0)
        if len(began) == 1:
            assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN), "Airflow handles it"
            looks = iter(range(1_000_000))

            def clock() -> float:
                if next(looks) == 10:
                    signal.raise_signal(signal.SIGTERM)
                return 0.0

            object.__setattr__(self, "clock", clock)
        train(self, *arguments)

    monkeypatch.setattr(Checkpoints, "train", interrupted)
    params = {"n_estimators": 40, "verbosity": -1, "n_jobs": 1}
    add_spec(model={"estimator": "lightgbm.LGBMClassifier", "params": params, "checkpoint_minutes": 60})
    land_orders()
    with caplog.at_level(logging.INFO, logger="perennial"):
        run = run_dag("orders.retrain")

    assert (run.state, run.tries["train"]) == ("success", 2)
    assert "the fit goes on after 10 of 40 iterations" in caplog.text
    # The judged fit, again, and the refit.
    assert len(began) == 3
