"""A replay: rows land batch by batch, the monitoring DAG checks each, and the replay waits for retrainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from rich.console import Console
from rich.markup import escape

from demo.airflow_api import AirflowApi
from demo.dag_runs import wait_for_dag, wait_for_run
from demo.decision import in_short
from demo.errors import DemoError
from demo.home import USER, Home
from demo.periods import WINTER, Period
from demo.retraining import Retraining, dag_of, finished_retraining, first_retraining
from demo.together import together
from perennial.monitoring.records import LedgerEntry


@dataclass(frozen=True)
class Replay:
    """The model, batches and landing function of a replay.

    Attributes
    ----------
    model : str
    batches : list of Period
        In order of time; the winter lands before them.
    land : callable
        Writes a period's rows to the data root.
    """

    model: str
    batches: list[Period]
    land: Callable[[Period], object]


@dataclass(frozen=True)
class Check:
    """A batch that landed, with its check and retraining."""

    period: Period
    landed: datetime
    entry: LedgerEntry
    seconds: float
    """Duration of the monitoring DAG's run."""
    retraining: Retraining | None

    @property
    def seconds_to_champion(self) -> float | None:
        """Seconds from the landing of the batch to the new champion; None if there was none."""
        promoted = self.retraining.promoted if self.retraining else None
        return (promoted - self.landed).total_seconds() if promoted else None


@dataclass(frozen=True)
class Replayed:
    """A finished replay."""

    model: str
    first: Retraining
    checks: list[Check]

    @property
    def champion(self) -> Retraining:
        """The newest retraining that was promoted."""
        later = [check.retraining for check in self.checks if check.retraining and check.retraining.promoted]
        return [self.first, *later][-1]

    @property
    def triggered(self) -> list[Check]:
        """The checks that triggered a retraining."""
        return [check for check in self.checks if check.retraining is not None]


def play_together(replays: Sequence[Replay], home: Home, console: Console) -> list[Replayed]:
    """Play several replays at the same time. If one fails, raise its error without waiting for the others."""

    def play_one(replay: Replay) -> Replayed:
        with AirflowApi(home.airflow_url, user=USER, password=home.password()) as airflow:
            return play(replay, airflow, console)

    return together(*(partial(play_one, replay) for replay in replays))


def play(replay: Replay, airflow: AirflowApi, console: Console) -> Replayed:
    """Land the winter and train the first champion; then land and check batch after batch.

    Raises
    ------
    DemoError
        A run fails, or the first candidate does not become champion.
    """
    for dag_id in (dag_of(replay.model), monitor_of(replay.model)):
        wait_for_dag(airflow, dag_id)
    replay.land(WINTER)
    first = first_retraining(airflow, replay.model)
    _say(console, replay.model, WINTER, f"{first.verdict.outcome}. {first.verdict.sentence}")
    if not first.verdict.promotes:
        raise DemoError(f"{replay.model} has no champion to watch: {first.verdict.sentence}")
    checks = []
    for period in replay.batches:
        replay.land(period)
        checks.append(_check(replay.model, period, airflow, console))
    return Replayed(replay.model, first, checks)


def monitor_of(model: str) -> str:
    """Return the id of the DAG that watches the model."""
    return f"{model}.monitor"


def _check(model: str, period: Period, airflow: AirflowApi, console: Console) -> Check:
    dag_id, landed = monitor_of(model), datetime.now(UTC)
    run_id = airflow.trigger(dag_id, {"as_of": period.as_of.isoformat()})
    tasks = wait_for_run(airflow, dag_id, run_id)
    if tasks["govern"].state != "success":
        raise DemoError(
            f"the run {run_id} of {dag_id} checked nothing: wait_for_rows was {tasks['wait_for_rows'].state}"
        )
    entry = LedgerEntry.model_validate(airflow.result(dag_id, run_id, "govern"))
    run = airflow.run(dag_id, run_id)
    _say(console, model, period, in_short(entry))
    retraining = None
    if entry.decision.run_id is not None:
        retraining = finished_retraining(airflow, model, entry.decision.run_id, f"{period.as_of:%b %d}")
        _say(console, model, period, f"{retraining.verdict.outcome}. {retraining.verdict.sentence}")
    return Check(period, landed, entry, run["duration"], retraining)


def _say(console: Console, model: str, period: Period, what: str) -> None:
    console.print(f"{model:18}  {period}  {escape(what)}", soft_wrap=True, highlight=False)
