"""A retraining, started by hand or by the monitor: wait for its run, and collect its results."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from demo.airflow_api import AirflowApi
from demo.dag_runs import wait_for_run, wait_for_schedule
from perennial.data.snapshots.records import Snapshot
from perennial.evaluation.records import Evaluation
from perennial.models.candidate import Candidate
from perennial.promotion.records import RegisteredVersion, Verdict
from perennial.stages import STAGES, maker


@dataclass(frozen=True)
class Retraining:
    """A finished run of a retraining DAG: the records of its tasks, and the seconds of each."""

    title: str
    run_id: str
    snapshot: Snapshot
    candidate: Candidate
    evaluation: Evaluation
    verdict: Verdict
    registered: RegisteredVersion
    seconds: dict[str, float | None]
    promoted: datetime | None
    """When the candidate became champion; None: it was rejected."""


def dag_of(model: str) -> str:
    """Return the id of the DAG that retrains the model."""
    return f"{model}.retrain"


def retrain_by_hand(airflow: AirflowApi, model: str, title: str) -> Retraining:
    """Trigger the model's retraining as a person would, and wait for it."""
    run_id = airflow.trigger(dag_of(model), {"reason": f"demo: {title}"})
    return finished_retraining(airflow, model, run_id, title)


def first_retraining(airflow: AirflowApi, model: str) -> Retraining:
    """Retrain by hand, and return the retraining that made the champion: that one, or the schedule's.

    Airflow starts a scheduled run at once for a new DAG whose last date has passed only recently. That run goes first;
    the one by hand is then rejected, because it has the same rows.
    """
    wait_for_schedule(airflow, dag_of(model))
    by_hand = retrain_by_hand(airflow, model, "by hand")
    if by_hand.promoted is None:
        for run_id in airflow.scheduled(dag_of(model)):
            by_schedule = finished_retraining(airflow, model, run_id, "by schedule")
            if by_schedule.promoted is not None:
                return by_schedule
    return by_hand


def finished_retraining(airflow: AirflowApi, model: str, run_id: str, title: str) -> Retraining:
    """Wait for a triggered retraining; if it fails, raise DemoError with the last lines of the failed task's log."""
    dag_id = dag_of(model)
    tasks = wait_for_run(airflow, dag_id, run_id)
    handed_on = {
        record: airflow.result(dag_id, run_id, maker(record, tasks).name)
        for record in ("snapshot", "candidate", "evaluation", "verdict", "registered")
    }
    verdict = Verdict.model_validate(handed_on["verdict"])
    return Retraining(
        title=title,
        run_id=run_id,
        snapshot=Snapshot.model_validate(handed_on["snapshot"]),
        candidate=Candidate.model_validate(handed_on["candidate"]),
        evaluation=Evaluation.model_validate(handed_on["evaluation"]),
        verdict=verdict,
        registered=RegisteredVersion.model_validate(handed_on["registered"]),
        seconds={name: tasks[name].seconds for name in STAGES if name in tasks},
        promoted=tasks[maker("promotion").name].ended if verdict.promotes else None,
    )
