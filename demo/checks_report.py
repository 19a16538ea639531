"""The demo's tables of checks: one row each, first the year's, then the quiet replay's; and their totals."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo.decision import in_short
from demo.replay import Check, Replayed
from perennial.monitoring.records import DriftTestResult

PRIMARY = "roc_auc"
COLOURS = {"trigger": "bold yellow", "hold": "cyan", "coalesce": "cyan", "none": "default"}


def print_checks(replays: Sequence[Replayed], console: Console) -> None:
    """Print a row for each batch, one replay after the other."""
    table = Table(title="What each check measured, and what was decided", title_justify="left")
    for name in ("flights of", "rows", "champion", "drifted", "largest D", "Page-Hinkley", PRIMARY):
        table.add_column(name, justify="right" if name in ("rows", "Page-Hinkley", PRIMARY) else "left")
    table.add_column("decision")
    for replayed in replays:
        table.add_section()
        table.add_row(f"[bold]{replayed.model}[/]")
        for check in replayed.checks:
            table.add_row(*_line(check))
    console.print(table)
    console.print(
        "D: Kolmogorov-Smirnov distance from the champion's training rows. Page-Hinkley: its highest statistic over "
        f"its threshold, and the number of alarms. {PRIMARY}: the champion's, on rows whose delay was known."
    )


def print_summary(replays: Sequence[Replayed], console: Console) -> None:
    """Print counts and durations."""
    table = Table(title="Summary", title_justify="left")
    table.add_column("")
    for replayed in replays:
        table.add_column(replayed.model, justify="right")
    counted = [_counts(replayed) for replayed in replays]
    for label in counted[0]:
        table.add_row(label, *(counts[label] for counts in counted))
    console.print(table)
    for check in (check for replayed in replays for check in replayed.triggered):
        console.print(
            f"[bold]{check.period}, check {check.entry.sequence}[/]: {escape(' '.join(check.entry.decision.reasons))}"
        )


def _line(check: Check) -> tuple[str, ...]:
    results = {result.test: result for result in check.entry.results}
    drifted = [column.column for result in check.entry.results for column in result.columns if column.drifted]
    champion = check.entry.check.champion
    outcome = check.entry.decision.outcome
    return (
        str(check.period),
        f"{check.entry.check.rows:,}",
        f"v{champion.version}" if champion else "",
        ", ".join(drifted),
        _largest(results["ks"]),
        _page_hinkley(results["page_hinkley"]),
        _figure(results["performance"], PRIMARY, ".3f"),
        f"[{COLOURS[outcome]}]{escape(in_short(check.entry))}[/]",
    )


def _largest(numbers: DriftTestResult) -> str:
    return f"{numbers.figures.get('largest_column') or ''} {_figure(numbers, 'largest_effect', '.2f')}".strip()


def _page_hinkley(losses: DriftTestResult) -> str:
    alarms = losses.figures.get("detections")
    return _figure(losses, "over_threshold", ".2f") + (f" ({alarms})" if alarms else "")


def _figure(result: DriftTestResult, name: str, form: str) -> str:
    value = result.figures.get(name)
    return "" if value is None or isinstance(value, str) else format(value, form)


def _counts(replayed: Replayed) -> dict[str, str]:
    verdicts = [check.retraining.verdict.promotes for check in replayed.checks if check.retraining]
    waits = [seconds for check in replayed.checks if (seconds := check.seconds_to_champion) is not None]
    return {
        "checks": str(len(replayed.checks)),
        "warnings": str(sum(len(check.entry.decision.warned) for check in replayed.checks)),
        "held back": str(sum(check.entry.decision.outcome == "hold" for check in replayed.checks)),
        "retrainings triggered": str(len(verdicts)),
        "promoted": str(verdicts.count(True)),
        "rejected": str(verdicts.count(False)),
        "seconds from landing to new champion": ", ".join(f"{seconds:.1f}" for seconds in waits),
        "seconds of a check, median": f"{median(check.seconds for check in replayed.checks):.1f}",
    }
