"""The drift report: one HTML page per check, readable in five seconds, without scripts or network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from perennial.drift.columns.report import ColumnDrift
from perennial.layout import CHECK_REPORT
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.records import Decision, DriftTestResult, LedgerEntry
from perennial.monitoring.report.columns import draw_columns, ranked_columns
from perennial.monitoring.report.losses import draw_check_losses
from perennial.monitoring.report.reliance import reliance_of
from perennial.printable import PrintableLog
from perennial.spec.monitoring import DriftTestName

log = PrintableLog(__name__)

TEST_TITLES: Mapping[DriftTestName, str] = {
    "ks": "Numbers",
    "categorical": "Categories",
    "predictions": "Predictions",
    "page_hinkley": "Losses",
    "performance": "Performance",
    "volume": "Volume",
}
"""Names of the tests for people."""

_FOUND: Mapping[DriftTestName, str] = {
    "ks": "numbers drifted",
    "categorical": "categories drifted",
    "predictions": "the predictions drifted",
    "page_hinkley": "the losses moved",
    "performance": "the performance fell",
    "volume": "enough new rows have come",
}
_WORDS = {"trigger": "triggered", "hold": "held back", "coalesce": "coalesced", "none": "nothing to do"}
_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


def write_report(reader: CheckReader, entry: LedgerEntry) -> str:
    """Write the page of a decided check, replacing an existing one; return its key.

    The same entry gives the same bytes. Figures need the check's rows, its reference and the champion's model: if one
    of these is missing or does not answer, the page says so instead.

    Raises
    ------
    StoreError
        The store refuses the page.
    """
    key = CHECK_REPORT.key(entry.model, entry.sequence)
    store = reader.run.store
    store.write(key, render_report(reader, entry))
    log.info("report of check %d: %s/%s", entry.sequence, store.uri, key)
    return key


def render_report(reader: CheckReader, entry: LedgerEntry) -> bytes:
    """Return the page, UTF-8."""
    reliance = reliance_of(reader, entry)
    page = _PAGES.get_template("report.html.j2").render(
        entry=entry,
        reliance=reliance,
        word=_WORDS[entry.decision.outcome],
        headline=decision_sentence(entry.decision, first=entry.check.incomparable is not None),
        facts=_facts(entry),
        results=[
            (TEST_TITLES[result.test], status_of(result, entry.decision), _sentence(result)) for result in entry.results
        ],
        titles=TEST_TITLES,
        figures=draw_columns(reader, entry, reliance),
        losses=draw_check_losses(reader, entry),
        slices=next((result.slices for result in entry.results if result.slices), None),
        columns=[(TEST_TITLES[test], column, _pvalue(column)) for test, column in ranked_columns(entry, reliance)],
    )
    return page.encode()


def decision_sentence(decision: Decision, *, first: bool) -> str:
    """Return the decision in a sentence.

    Parameters
    ----------
    decision : Decision
    first : bool
        There was no champion, or one that Perennial did not register.
    """
    if decision.outcome == "trigger" and first:
        return f"The first training was triggered: {decision.reasons[0][:1].lower()}{decision.reasons[0][1:]}"
    if decision.outcome == "trigger":
        return f"A retraining was triggered: {_enumerated([_FOUND[test] for test in decision.fired])}."
    if decision.outcome == "hold" and not decision.fired and decision.held_by is None and not first:
        return "Something drifted, but in too few of the last checks to retrain."
    if decision.outcome != "none":
        # The last reason is what held the retraining back.
        return decision.reasons[-1]
    if first:
        return decision.reasons[0]
    if decision.warned:
        warned = _enumerated([TEST_TITLES[test].lower() for test in decision.warned])
        return f"No test asks for a retraining; {warned} only warn{'s' if len(decision.warned) == 1 else ''}."
    return "No test fired."


def status_of(result: DriftTestResult, decision: Decision) -> str:
    """Return the test's status, or `warns` if it fired but may not trigger."""
    return "warns" if result.test in decision.warned else result.status


def _facts(entry: LedgerEntry) -> dict[str, str]:
    check = entry.check
    began = f"{check.cursor:%Y-%m-%d %H:%M}" if check.cursor else "the beginning"
    late = f", and {check.late_rows:,} that came late" if check.late_rows else ""
    too_late = f"; {check.too_late_rows:,} came too late for the losses" if check.too_late_rows else ""
    facts = {
        "Period": f"{began} to {check.as_of:%Y-%m-%d %H:%M} UTC",
        "Rows": f"{check.rows:,} new{late}; {check.matured_rows:,} with labels that have matured{too_late}",
        "Champion": f"version {check.champion.version}" if check.champion else "none",
    }
    if check.future:
        facts["Set aside"] = check.future.found
    if entry.reweighting:
        facts["Weights"] = entry.reweighting.sentence
    if entry.decision.run_id:
        facts["Retraining"] = entry.decision.run_id
    return facts


def _sentence(result: DriftTestResult) -> str:
    return result.sentence.removeprefix(f"{result.test}: ").removesuffix(".")


def _pvalue(column: ColumnDrift) -> str:
    if column.adjusted_pvalue is None:
        return "–"
    return "< 0.0001" if column.adjusted_pvalue < 0.0001 else f"{column.adjusted_pvalue:.4f}"


def _enumerated(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
