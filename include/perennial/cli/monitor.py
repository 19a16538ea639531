"""Makes checks in this process and shows them on a terminal: what the monitoring DAG does, without Airflow."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from perennial.cli.outcome import Checked, Outcome, error_json, outcome_json
from perennial.errors import PerennialError, PromotionError, RetrainingFailed, SpecError
from perennial.printable import PrintableLog

if TYPE_CHECKING:
    from perennial.monitoring.records import LedgerEntry
    from perennial.promotion.records import Verdict
    from perennial.run import MonitorRun

log = PrintableLog(__name__)

_STYLES = {"fired": "red", "quiet": "green", "not tested": "dim", "warns": "yellow"}
_DECISIONS = {"trigger": "bold red", "hold": "bold yellow", "coalesce": "bold magenta", "none": "bold green"}


def look(run: MonitorRun, console: Console, *, as_json: bool = False) -> Outcome:
    """Check once, and with `as_json` print the result or the error on stdout as one line.

    Raises the errors of `check_once`.
    """
    try:
        checked = check_once(run, console)
    except Exception as error:
        if as_json:
            typer.echo(error_json(run.spec.name, _in_a_line(error)))
        raise
    if as_json:
        typer.echo(outcome_json(run.store, run.spec.name, checked))
    return checked.outcome


def check_once(run: MonitorRun, console: Console) -> Checked:
    """Make one check if there are enough new rows, and the retraining that it triggers.

    A check that was started, here or elsewhere, and not finished is continued, with the same rows, decision and
    retraining.

    Raises
    ------
    PerennialError
        Any error of a step. The check is closed even if its retraining fails for good, as in Airflow. If the retraining
        may succeed later, or is interrupted, the check stays open, and the next call tries again.
    """
    from perennial.monitoring.ledger import record_failure
    from perennial.monitoring.waiting import waiting

    due = waiting(run)
    console.print(Text(due.reason, style="bold yellow" if due.cursor_ahead else ""))
    if not due.over:
        return Checked(due.reason)
    # Imported only if there is a check to make: a look without these imports takes a tenth of the time.
    from perennial.monitoring.steps import close_check

    entry = _decided(run, console)
    if entry is None:
        return Checked(due.reason)
    if entry.decision.outcome != "trigger":
        _roll_back(run, entry, console)
        close_check(run, entry)
        return Checked(due.reason, entry)
    try:
        verdict = _retrain_and_close(run, entry, console)
    except RetrainingFailed:
        close_check(run, entry)
        raise
    except Exception as error:
        # An unexpected error would come again with the same rows, and end monitoring for good if the check stayed open.
        if not (isinstance(error, PerennialError) and error.retryable):
            assert entry.decision.run_id is not None  # noqa: S101 - every trigger has one
            # In this order, since a closed check without a record of its retraining counts as one that has lost it.
            record_failure(run.store, entry.model, entry.decision.run_id, _in_a_line(error))
            close_check(run, entry)
        raise
    return Checked(due.reason, entry, verdict)


def keep_checking(
    run: MonitorRun,
    console: Console,
    *,
    as_json: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Check by the spec's schedule until interrupted; an error is printed, and the next check is made as planned.

    This includes unexpected errors, whose traceback is logged: an error in one check must not prevent the later ones.

    Raises
    ------
    SpecError
        The spec has no schedule for checks.
    """
    from perennial.monitoring.next_check import next_check

    schedule = run.spec.watch.schedule
    if schedule is None:
        raise SpecError(f"{run.spec.name} has no monitoring.schedule: add one, or check once with --once")
    while True:
        try:
            look(replace(run, now=now()), console, as_json=as_json)
        except Exception as error:
            if not isinstance(error, PerennialError):
                log.exception("a check of %s failed with an unexpected error", run.spec.name)
            console.print(Text("error: ", style="bold red").append(_in_a_line(error), style="default"))
        due = next_check(schedule, now())
        console.print(Text(f"Next check at {due:%Y-%m-%d %H:%M} UTC.", style="dim"))
        sleep(max(0.0, (due - now()).total_seconds()))


def _in_a_line(error: Exception) -> str:
    return str(error) if isinstance(error, PerennialError) else " ".join(f"{type(error).__name__}: {error}".split())


def _decided(run: MonitorRun, console: Console) -> LedgerEntry | None:
    """Return the next check's ledger entry, with its report; make the check now if it has none, and print the entry.

    None: there is nothing to check.
    """
    from perennial.monitoring.ledger import find_entry
    from perennial.monitoring.report.page import write_report
    from perennial.monitoring.steps import TESTS, CheckReader, decide, make_test, open_check

    reader = CheckReader(run)
    check = open_check(run, reader)
    if check is None:
        return None
    entry = find_entry(run.store, check.model, check.sequence)
    if entry is None:
        results = []
        with console.status("") as status:
            for name in TESTS:
                status.update(f"testing: {name}")
                results.append(make_test(reader, check, name))
        entry = decide(run, check, results)
    key = write_report(reader, entry)
    _show(entry, console)
    console.print(Text(f"Report: {run.store.uri}/{key}", style="dim"), soft_wrap=True)
    return entry


def _roll_back(run: MonitorRun, entry: LedgerEntry, console: Console) -> None:
    """Take the champion back if the check decided so. If it has moved meanwhile, the check is over all the same."""
    from perennial.rollback.decided import roll_back_as_decided

    try:
        promotion = roll_back_as_decided(run, entry)
    except PromotionError as error:
        console.print(Text(f"Nothing is rolled back: {error}", style="yellow"))
        return
    if promotion is not None:
        console.print(Text(f"{entry.model} v{promotion.version} is champion again.", style="bold yellow"))


def _retrain_and_close(run: MonitorRun, entry: LedgerEntry, console: Console) -> Verdict | None:
    """Make the retraining and close its check while owning the run, so that other processes wait for both.

    None: the champion has moved since the check, so nothing is retrained.
    """
    from perennial.cli.retrain import retrain
    from perennial.monitoring.steps import close_check
    from perennial.monitoring.superseded import superseded
    from perennial.run import RetrainingRun
    from perennial.run_owner import owned

    assert entry.decision.run_id is not None  # noqa: S101 - every trigger has one
    retraining = RetrainingRun(
        spec=run.spec,
        deployment=run.deployment,
        now=run.now,
        as_of=entry.as_of,
        run_id=entry.decision.run_id,
        reason=" ".join(entry.decision.reasons),
        triggered_by="perennial monitor",
    )
    with owned(retraining, lambda text: console.print(Text(text, style="yellow"))) as retraining:
        verdict = _ended(run, entry, console)
        why_not = superseded(run, entry) if verdict is None else ""
        if why_not:
            console.print(Text(why_not, style="yellow"))
        elif verdict is None:
            verdict = retrain(retraining, console, keep_run_id=True)
        close_check(run, entry)
    return verdict


def _ended(run: MonitorRun, entry: LedgerEntry, console: Console) -> Verdict | None:
    """Return the verdict of a retraining that has ended; None: a step is left to do.

    Raises
    ------
    RetrainingFailed
        The retraining has failed for good.
    """
    from perennial.monitoring.ledger import find_failure, read_verdict, retraining_outcomes
    from perennial.monitoring.state import load_state

    assert entry.decision.run_id is not None  # noqa: S101 - every trigger has one
    outcome = retraining_outcomes(run.store, [entry], ())[entry.decision.run_id]
    # Without a promotion the closed check is the last step; before that, the candidate may not be registered yet.
    is_closed = load_state(run.store, entry.model)[0].sequence >= entry.sequence
    if outcome.result == "promoted" or (outcome.result in ("rejected", "inconclusive") and is_closed):
        # Nothing is left to do, and rows that arrived late since must not lead to another candidate.
        console.print(Text(f"The retraining has ended: {outcome.sentence}"))
        return read_verdict(run.store, entry.model, entry.decision.run_id)
    failure = find_failure(run.store, entry.model, entry.decision.run_id)
    if failure is not None:
        raise RetrainingFailed(f"the retraining that check {entry.sequence} triggered has failed: {failure.sentence}")
    return None


def _show(entry: LedgerEntry, console: Console) -> None:
    from perennial.monitoring.report.page import TEST_TITLES, decision_sentence, status_of

    check, decision = entry.check, entry.decision
    late = f", {check.late_rows:,} late ones" if check.late_rows else ""
    table = Table(
        "test",
        "status",
        "found",
        title=f"Check {entry.sequence} of {entry.model} as of {entry.as_of:%Y-%m-%d %H:%M} UTC: "
        f"{check.rows:,} new rows{late}, {check.matured_rows:,} matured",
        title_justify="left",
    )
    for result in entry.results:
        status = status_of(result, decision)
        table.add_row(
            TEST_TITLES[result.test],
            Text(status, style=_STYLES[status]),
            Text(result.sentence.removeprefix(f"{result.test}: ")),
        )
    console.print(table)
    sentence = decision_sentence(decision, first=check.incomparable is not None)
    console.print(Text(f"{decision.outcome}: ", style=_DECISIONS[decision.outcome]).append(sentence, style="default"))
