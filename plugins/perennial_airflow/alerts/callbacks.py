"""Callbacks that Airflow calls when a task or a run has ended, to send alerts.

A task's callbacks run in its process after its result is reported, so nothing waits for a mail server. For a task
that was killed, and for a run that fails, they run in the DAG processor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from perennial_airflow.alerts import events
from perennial_airflow.alerts.notifier import AlertNotifier
from perennial_airflow.dag_ids import monitoring_dag, rollback_dag
from perennial_airflow.pages import run_page
from perennial_airflow.started_by import started_by

if TYPE_CHECKING:
    from perennial.promotion.records import RegisteredVersion, Verdict
    from perennial.spec import ModelSpec
    from perennial_airflow.alerts.events import Event


def on_failure(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments with which all tasks of a DAG, and the DAG itself, report a failure."""
    return _callbacks(spec, on_failure_callback=lambda context: [events.failed(context, region=spec.region)])


def on_ingest(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments with which ingest reports features that the source no longer has."""
    return _callbacks(spec, on_success_callback=_ingested)


def on_check(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments with which govern reports drift and an open breaker."""
    return _callbacks(spec, on_success_callback=_check)


def on_wait(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments with which wait_for_rows reports a cursor that is after all rows."""
    return _callbacks(spec, on_skipped_callback=_waited)


def on_trigger(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments with which trigger_retraining reports what it triggered."""
    return _callbacks(spec, on_success_callback=_triggered)


def on_verdict(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments with which promote reports a new champion or, if it is skipped, a rejection."""
    return _callbacks(spec, on_success_callback=_promoted, on_skipped_callback=_not_promoted)


def on_rollback(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments with which roll_back reports the champion that was taken back."""
    return _callbacks(spec, on_success_callback=_rolled_back)


def on_auto_rollback(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments with which the monitor's roll_back reports the champion that was taken back."""
    return _callbacks(spec, on_success_callback=_taken_back)


def tell_of_question(
    spec: ModelSpec, registered: RegisteredVersion, verdict: Verdict, context: Mapping[str, Any]
) -> None:
    """Tell that a person is asked about a candidate. It never fails: the question is put already."""
    if spec.alerts is not None:
        AlertNotifier(spec, lambda _: [events.approval_asked(registered, verdict, **_retraining(context))])(context)


def _callbacks(spec: ModelSpec, **events_of: Callable[[Mapping[str, Any]], Iterable[Event]]) -> dict[str, Any]:
    if spec.alerts is None:
        return {}
    return {name: AlertNotifier(spec, function) for name, function in events_of.items()}


def _ingested(context: Mapping[str, Any]) -> Iterable[Event]:
    from perennial.data.snapshots.records import Snapshot

    snapshot = Snapshot.model_validate(context["task"].outcome)
    return [events.column_gone(snapshot, context["run_id"])] if snapshot.gone else []


def _check(context: Mapping[str, Any]) -> Iterable[Event]:
    from perennial.monitoring.records import LedgerEntry

    return events.of_check(LedgerEntry.model_validate(context["task"].outcome), context["run_id"])


def _waited(context: Mapping[str, Any]) -> Iterable[Event]:
    task = context["task"]
    if task.cursor_ahead is None:
        return []
    cursor, reason = task.cursor_ahead
    return [events.cursor_ahead(task.spec.name, cursor, reason, context["run_id"])]


def _triggered(context: Mapping[str, Any]) -> Iterable[Event]:
    from perennial.monitoring.records import LedgerEntry

    return [events.retraining_triggered(LedgerEntry.model_validate(context["task"].entry))]


def _promoted(context: Mapping[str, Any]) -> Iterable[Event]:
    from perennial.promotion.records import Promotion

    task = context["task"]
    return [events.promoted(Promotion.model_validate(task.outcome), task.verdict, **_retraining(context))]


def _rolled_back(context: Mapping[str, Any]) -> Iterable[Event]:
    from perennial.promotion.records import Promotion
    from perennial.rollback.records import Examination

    task = context["task"]
    return [
        events.rolled_back(
            Promotion.model_validate(task.outcome),
            Examination.model_validate(task.examination),
            reason=task.reason,
            page=run_page(rollback_dag(task.spec.name), context["run_id"]),
            **_origin(context),
        )
    ]


def _taken_back(context: Mapping[str, Any]) -> Iterable[Event]:
    from perennial.monitoring.records import LedgerEntry
    from perennial.promotion.records import Promotion
    from perennial.rollback.decided import examined

    task = context["task"]
    entry = LedgerEntry.model_validate(task.entry)
    decided, examination = entry.decision.rollback, examined(entry)
    if decided is None or examination is None:
        return []
    return [
        events.rolled_back(
            Promotion.model_validate(task.outcome),
            examination,
            reason=decided.reason,
            # Not the DAG run's: after a kill the next run reports the same rollback.
            run_id=decided.run_id,
            page=run_page(monitoring_dag(entry.model), context["run_id"]),
            triggered_by=f"check {entry.sequence}",
            region=task.spec.region,
        )
    ]


def _not_promoted(context: Mapping[str, Any]) -> Iterable[Event]:
    from perennial.promotion.records import RegisteredVersion

    task = context["task"]
    registered = task.takes["registered"]
    # Nothing was decided in a dry run, or if another run judges the candidate again.
    if registered is None or task.verdict.consequence == "ask":
        return []
    return [events.not_promoted(RegisteredVersion.model_validate(registered), task.verdict, **_retraining(context))]


def _retraining(context: Mapping[str, Any]) -> dict[str, Any]:
    return {**_origin(context), "retraining": context["task"].retraining_id or context["run_id"]}


def _origin(context: Mapping[str, Any]) -> dict[str, Any]:
    task = context["task"]
    return {
        "run_id": context["run_id"],
        "triggered_by": started_by(context),
        "region": task.spec.region,
    }
