"""The events that alerts are sent for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from perennial.errors import DataError, PerennialError
from perennial.promotion.records import Promotion, RegisteredVersion, Verdict
from perennial.record import Record
from perennial.spec.alerts import EventName
from perennial.stages import maker
from perennial_airflow.dag_ids import MONITOR, RETRAIN, retraining_dag, rollback_dag
from perennial_airflow.pages import (
    dag_page,
    data_docs_page,
    drift_report_page,
    model_card_page,
    run_page,
    version_page,
)

if TYPE_CHECKING:
    from perennial.data.snapshots.records import Snapshot
    from perennial.monitoring.records import LedgerEntry
    from perennial.rollback.records import Examination


class Event(Record):
    """Something that happened to a model. If the work that led to it is repeated, the new event has the same digest."""

    name: EventName
    model: str
    key: str
    """Identifies the event among those of the same name and model: a run, a check, a version."""
    at: datetime
    """When it was noticed, UTC."""
    reason: str
    """Why it happened, in one or a few sentences."""
    facts: Mapping[str, str | int | float | None] = Field(default_factory=dict)
    links: Mapping[str, str] = Field(default_factory=dict)
    """Name -> address. Things without a page of their own are left out."""

    @property
    def digest(self) -> str:
        """The first half of the hexadecimal SHA-256 of name, model and key."""
        return hashlib.sha256("\n".join((self.name, self.model, self.key)).encode()).hexdigest()[:32]


def of_check(entry: LedgerEntry, run_id: str) -> tuple[Event, ...]:
    """Return the events of a decided check: `drift`, `breaker_open`, `rollback_asked`, several or none.

    Parameters
    ----------
    entry : LedgerEntry
    run_id : str
        Run id in the monitoring DAG.
    """
    facts = {"check": entry.sequence, "rows": entry.check.rows + entry.check.late_rows}
    links = _links(
        airflow=run_page(entry.model + MONITOR, run_id), drift_report=drift_report_page(entry.model, entry.sequence)
    )
    found = [result for result in entry.results if result.status == "fired"]
    events = [rollback_asked(entry)] if entry.decision.rollback and entry.decision.rollback.when == "ask" else []
    if found:
        drifted = ", ".join(dict.fromkeys(c.column for result in found for c in result.columns if c.drifted))
        events.append(
            _event(
                "drift",
                entry.model,
                key=str(entry.sequence),
                reason=" ".join(result.sentence for result in found),
                facts=facts
                | {"fired": ", ".join(result.test for result in found), "decision": entry.decision.outcome}
                | ({"columns": drifted} if drifted else {}),
                links=links,
            )
        )
    if entry.decision.held_by == "breaker":
        # The breaker opened with the last retraining, so all checks that it holds back share one event.
        key = f"after {entry.last_trigger}"
        reason = " ".join(entry.decision.reasons)
        events.append(_event("breaker_open", entry.model, key=key, reason=reason, facts=facts, links=links))
    return tuple(events)


def column_gone(snapshot: Snapshot, run_id: str) -> Event:
    """Return the event of features that the source lacks or has without a value: one event per run.

    Parameters
    ----------
    snapshot : Snapshot
    run_id : str
        Run id in the retraining DAG.
    """
    return _event(
        "column_gone",
        snapshot.model,
        key=run_id,
        reason=snapshot.gone,
        facts={"columns": ", ".join(dict.fromkeys((*snapshot.imputed, *snapshot.left_out)))},
        links=_links(airflow=run_page(snapshot.model + RETRAIN, run_id)),
    )


def cursor_ahead(model: str, cursor: str, reason: str, run_id: str) -> Event:
    """Return the event of a cursor that is after all rows of the source: one event per position of the cursor.

    Parameters
    ----------
    model : str
    cursor : str
        Position of the cursor, ISO 8601.
    reason : str
    run_id : str
        Run id in the monitoring DAG.
    """
    return _event(
        "cursor_ahead",
        model,
        key=cursor,
        reason=reason,
        facts={"cursor": cursor},
        links=_links(airflow=run_page(model + MONITOR, run_id)),
    )


def retraining_triggered(entry: LedgerEntry) -> Event:
    """Return the event of a decision that starts a retraining."""
    run_id = entry.decision.run_id or ""
    return _event(
        "retraining_triggered",
        entry.model,
        key=run_id,
        reason=" ".join(entry.decision.reasons),
        facts={"check": entry.sequence, "run": run_id},
        links=_links(
            airflow=run_page(retraining_dag(entry.model), run_id),
            drift_report=drift_report_page(entry.model, entry.sequence),
        ),
    )


def promoted(
    promotion: Promotion,
    verdict: Verdict,
    *,
    run_id: str,
    retraining: str,
    triggered_by: str,
    region: str | None = None,
) -> Event:
    """Return the event of a new champion.

    Parameters
    ----------
    promotion : Promotion
    verdict : Verdict
    run_id, triggered_by : str
        Id of the DAG run, and by whom or what it was started.
    retraining : str
        Id of the retraining: that of an earlier run if its candidate is judged again.
    region : str, optional
        The spec's region.
    """
    facts = {"previous": promotion.previous_version, "triggered by": triggered_by}
    return _of_verdict("promoted", promotion, verdict, facts, run_id, retraining, region)


def rolled_back(
    promotion: Promotion,
    examination: Examination,
    *,
    reason: str,
    run_id: str,
    page: str,
    triggered_by: str,
    region: str | None = None,
) -> Event:
    """Return the event of a champion that was taken back.

    Parameters
    ----------
    promotion : Promotion
        The version that is champion again, and the one that was.
    examination : Examination
    reason : str
    run_id : str
        Names the rollback.
    page : str
        Address of its DAG run.
    triggered_by : str
        By whom or what it was started.
    region : str, optional
        The spec's region.
    """
    forced = f" Forced, although {'; '.join(examination.objections)}." if examination.objections else ""
    return _event(
        "rolled_back",
        promotion.name,
        key=run_id,
        reason=f"{reason.rstrip('.')}. {examination.sentence}{forced}",
        facts={"version": promotion.version, "previous": promotion.previous_version, "triggered by": triggered_by},
        links=_links(
            airflow=page,
            mlflow=version_page(promotion.name, promotion.version, region),
        ),
    )


def rollback_asked(entry: LedgerEntry) -> Event:
    """Return the event of a new champion that a person may take back: one for the two versions, in however many checks."""
    decided, champion = entry.decision.rollback, entry.check.champion
    assert decided is not None and champion is not None  # noqa: S101, PT018 - the check has decided so
    return _event(
        "rollback_asked",
        entry.model,
        key=f"v{champion.version} to v{decided.version}",
        reason=f"{decided.reason} {decided.sentence}",
        facts={
            "champion": champion.version,
            "version before": decided.version,
            "command": f"perennial rollback {entry.model} --to {decided.version} --reason WHY",
        },
        links=_links(
            rollback=dag_page(rollback_dag(entry.model)), drift_report=drift_report_page(entry.model, entry.sequence)
        ),
    )


def not_promoted(
    registered: RegisteredVersion,
    verdict: Verdict,
    *,
    run_id: str,
    retraining: str,
    triggered_by: str,
    region: str | None = None,
) -> Event:
    """Return the event of a candidate that was rejected, or proved neither better nor worse.

    Parameters
    ----------
    registered : RegisteredVersion
    verdict : Verdict
    run_id, triggered_by : str
        Id of the DAG run, and by whom or what it was started.
    retraining : str
        Id of the retraining: that of an earlier run if its candidate is judged again.
    region : str, optional
        The spec's region.
    """
    facts = {"champion": verdict.champion_version, "triggered by": triggered_by}
    name: EventName = "inconclusive" if verdict.result == "inconclusive" else "rejected"
    return _of_verdict(name, registered, verdict, facts, run_id, retraining, region)


def approval_asked(
    registered: RegisteredVersion,
    verdict: Verdict,
    *,
    run_id: str,
    retraining: str,
    triggered_by: str,
    region: str | None = None,
) -> Event:
    """Return the event of a question to a person about a candidate.

    Parameters
    ----------
    registered : RegisteredVersion
    verdict : Verdict
    run_id, triggered_by : str
        Id of the DAG run, and by whom or what it was started.
    retraining : str
        Id of the retraining: that of an earlier run if its candidate is judged again.
    region : str, optional
        The spec's region.
    """
    facts = {"champion": verdict.champion_version, "triggered by": triggered_by}
    return _of_verdict("approval_asked", registered, verdict, facts, run_id, retraining, region)


def _of_verdict(
    name: EventName,
    version: Promotion | RegisteredVersion,
    verdict: Verdict,
    facts: Mapping[str, Any],
    run_id: str,
    retraining: str,
    region: str | None,
) -> Event:
    return _event(
        name,
        version.name,
        key=f"{run_id} v{version.version}",
        reason=verdict.sentence,
        facts={"version": version.version, **facts},
        links=_links(
            airflow=run_page(retraining_dag(version.name), run_id),
            mlflow=version_page(version.name, version.version, region),
            model_card=model_card_page(version.name, retraining),
        ),
    )


def failed(context: Mapping[str, Any], *, region: str | None = None) -> Event:
    """Return the event of a failed run: one each time that the run was started or cleared.

    Parameters
    ----------
    context : mapping
        Context that Airflow passes to the `on_failure_callback` of a task or DAG. From the DAG processor, the context
        of a killed task has no exception, and that of a DAG may have only `dag` and `run_id`.
    region : str, optional
        The spec's region. With a region, errors about the data are not quoted, since they may quote rows.
    """
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    name: EventName = "retraining_failed" if dag_id.endswith(RETRAIN) else "monitoring_failed"
    model = dag_id.removesuffix(RETRAIN).removesuffix(MONITOR)
    times_cleared = getattr(context.get("dag_run"), "clear_number", None) or 0
    task = getattr(context.get("ti"), "task_id", None)
    return _event(
        name,
        model,
        key=f"{run_id} {times_cleared}",
        reason=_why(task, context.get("exception"), region),
        facts={"run": run_id, **({"task": task} if task else {})},
        links=_links(
            airflow=run_page(dag_id, run_id),
            data_docs=data_docs_page(model, run_id) if task == maker("validation").name else "",
        ),
    )


def _why(task: str | None, exception: object, region: str | None) -> str:
    where = f"Task {task} failed" if task else "The run failed"
    quotes_rows = isinstance(exception, DataError) and region is not None
    if isinstance(exception, PerennialError) and not quotes_rows:
        return f"{where}: {exception}"
    if exception is None:
        return f"{where}; its log says more. It may have been killed."
    # Errors of other libraries may contain an address with a password. They belong in the log, where Airflow masks it.
    return f"{where} with {type(exception).__name__}; its log says more."


def _event(
    name: EventName, model: str, *, key: str, reason: str, facts: Mapping[str, Any], links: Mapping[str, str]
) -> Event:
    return Event(name=name, model=model, key=key, at=datetime.now(UTC), reason=reason, facts=facts, links=links)


def _links(
    *,
    airflow: str = "",
    data_docs: str = "",
    drift_report: str = "",
    mlflow: str = "",
    model_card: str = "",
    rollback: str = "",
) -> dict[str, str]:
    named = {
        "Airflow run": airflow,
        "Rollback form": rollback,
        "Data Docs": data_docs,
        "MLflow version": mlflow,
        "Model card": model_card,
        "Drift report": drift_report,
    }
    return {name: address for name, address in named.items() if address}
