"""Checks in this process, watched on a terminal: what the sensor DAG does, without Airflow."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perennial.errors import PerennialError, SpecError

if TYPE_CHECKING:
    from perennial.monitoring.records import LedgerEntry
    from perennial.outcomes import Verdict
    from perennial.run import MonitorRun

log = logging.getLogger(__name__)

_STYLES = {"fired": "red", "quiet": "green", "not tested": "dim", "warns": "yellow"}
_DECISIONS = {"trigger": "bold red", "hold": "bold yellow", "coalesce": "bold magenta", "none": "bold green"}


@dataclass(frozen=True)
class Checked:
    """What came of a check.

    Attributes
    ----------
    entry : LedgerEntry or None
        None: there was too little to check.
    verdict : Verdict or None
        On the candidate, where a retraining was triggered.
    """

    entry: LedgerEntry | None = None
    verdict: Verdict | None = None


def check_once(run: MonitorRun, console: Console) -> Checked:
    """Make one check if there is enough to check, and the retraining that it triggers.

    A check that was begun, here or elsewhere, and not ended is taken up where it stands: its rows, its decision and
    its retraining are the same.

    Raises
    ------
    PerennialError
        Whatever a step raises. A retraining that fails for good has its check closed all the same, as Airflow's has;
        one that may succeed later, or that is interrupted, leaves it open, so that the next call tries again.
    """
    from perennial.monitoring.steps import close_check
    from perennial.monitoring.waiting import waiting

    due = waiting(run)
    console.print(Text(due.reason))
    entry = _decided(run, console) if due.over else None
    if entry is None:
        return Checked()
    verdict = None
    if entry.decision.outcome == "trigger":
        try:
            verdict = _retrain(run, entry, console)
        except Exception as error:
            # What nobody foresaw comes again with the same rows, and would stop monitoring for good.
            if not (isinstance(error, PerennialError) and error.retryable):
                close_check(run, entry)
            raise
    close_check(run, entry)
    return Checked(entry, verdict)


def keep_checking(
    run: MonitorRun,
    console: Console,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Check by the spec's schedule until interrupted; an error is printed, and the next check made in its time.

    So is one that nobody foresaw, with its traceback in the log: what one check meets must not end all later ones.

    Raises
    ------
    SpecError
        The spec has no schedule for checks.
    """
    from perennial.monitoring.next_check import next_check

    schedule = run.spec.monitoring.schedule if run.spec.monitoring else None
    if schedule is None:
        raise SpecError(f"{run.spec.name} has no monitoring.schedule: add one, or check once with --once")
    while True:
        try:
            check_once(run, console)
        except Exception as error:
            known = isinstance(error, PerennialError)
            if not known:
                log.exception("a check of %s failed in a way that nobody foresaw", run.spec.name)
            said = str(error) if known else " ".join(f"{type(error).__name__}: {error}".split())
            console.print(Text("error: ", style="bold red").append(said, style="default"))
        due = next_check(schedule, now())
        console.print(Text(f"Next check at {due:%Y-%m-%d %H:%M} UTC.", style="dim"))
        sleep(max(0.0, (due - now()).total_seconds()))


def _decided(run: MonitorRun, console: Console) -> LedgerEntry | None:
    """Return the next check's entry in the ledger, made now if there is none; either way with its report, and shown.

    None: there is nothing to check.
    """
    from perennial.monitoring.ledger import find_entry
    from perennial.monitoring.report import write_report
    from perennial.monitoring.steps import CHECKS, CheckReader, decide, open_check

    reader = CheckReader(run)
    check = open_check(run, reader)
    if check is None:
        return None
    entry = find_entry(run.store, check.model, check.sequence)
    if entry is None:
        results = []
        with console.status("") as status:
            for name, of in CHECKS.items():
                status.update(f"checking: {name}")
                results.append(of(reader, check))
        entry = decide(run, check, results)
    key = write_report(reader, entry)
    _show(entry, console)
    console.print(Text(f"Report: {run.store.uri}/{key}", style="dim"), soft_wrap=True)
    return entry


def _retrain(run: MonitorRun, entry: LedgerEntry, console: Console) -> Verdict:
    from perennial.foreground import retrain
    from perennial.monitoring.ledger import retraining_outcomes
    from perennial.outcomes import Verdict
    from perennial.run import RetrainingRun, reports_prefix

    assert entry.decision.run_id is not None  # noqa: S101 - every trigger has one
    earlier = retraining_outcomes(run.store, [entry], ())[entry.decision.run_id]
    if earlier.result == "promoted":
        # Nothing is left to do, and rows that came late since must not make another candidate of it.
        console.print(Text(f"The retraining has ended: {earlier.sentence}"))
        kept = run.store.read(reports_prefix(entry.model, entry.decision.run_id) + "verdict.json")
        return Verdict.model_validate_json(kept)
    return retrain(
        RetrainingRun(
            spec=run.spec,
            store=run.store,
            tracking_uri=run.tracking_uri,
            data_root=run.data_root,
            as_of=entry.as_of,
            sql_url=run.sql_url,
            s3=run.s3,
            mlflow_takes_rows=run.mlflow_takes_rows,
            run_id=entry.decision.run_id,
            reason=" ".join(entry.decision.reasons),
            triggered_by="perennial monitor",
        ),
        console,
        keep_run_id=True,
    )


def _show(entry: LedgerEntry, console: Console) -> None:
    from perennial.monitoring.report import CHECK_TITLES, decision_sentence, status_of

    check, decision = entry.check, entry.decision
    late = f", {check.late_rows:,} late ones" if check.late_rows else ""
    table = Table(
        "check",
        "status",
        "found",
        title=f"Check {entry.sequence} of {entry.model} as of {entry.as_of:%Y-%m-%d %H:%M} UTC: "
        f"{check.rows:,} new rows{late}, {check.matured_rows:,} matured",
        title_justify="left",
    )
    for result in entry.results:
        status = status_of(result, decision)
        table.add_row(
            CHECK_TITLES[result.check],
            Text(status, style=_STYLES[status]),
            Text(result.sentence.removeprefix(f"{result.check}: ")),
        )
    console.print(table)
    sentence = decision_sentence(decision, first=check.champion is None)
    console.print(Text(f"{decision.outcome}: ", style=_DECISIONS[decision.outcome]).append(sentence, style="default"))
