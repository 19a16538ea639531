"""Prints the ledger: each check, its decision with the reason, and the result of the retraining."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from perennial.monitoring.records import LedgerEntry
    from perennial.store.protocol import Store

PENDING = "not ended, or failed"
_STYLES = {"promoted": "green", "rejected": "yellow", "inconclusive": "yellow", "failed": "red", PENDING: "cyan"}


def ledger_table(store: Store, entries: Sequence[LedgerEntry]) -> Table:
    """Return a table with a row for each entry."""
    results = retraining_results(store, entries)
    table = Table("check", "as of (UTC)", "rows", "decision", "why", "retraining", "result", show_lines=True)
    for entry in entries:
        run_id = entry.decision.run_id
        result = results.get(run_id, ("", ""))[0] if run_id else ""
        table.add_row(
            str(entry.sequence),
            f"{entry.as_of:%Y-%m-%d %H:%M}",
            f"{entry.check.rows:,}",
            "set back" if entry.set_back else entry.decision.outcome,
            Text("\n".join(entry.decision.reasons)),
            Text(run_id or ""),
            Text(result, style=_STYLES.get(result, "")),
        )
    return table


def ledger_json(store: Store, entries: Sequence[LedgerEntry]) -> str:
    """Return the complete entries as JSON, each with `retraining`: run id, result and sentence, or null."""
    results = retraining_results(store, entries)
    listed = [entry.model_dump(mode="json") | {"retraining": _as_json(entry, results)} for entry in entries]
    return json.dumps(listed, indent=2)


def retraining_results(store: Store, entries: Sequence[LedgerEntry]) -> dict[str, tuple[str, str]]:
    """Return run id -> result of the retraining, in a word and a sentence.

    What Airflow is running is not known here, so the newest retraining without a recorded end may still be running.
    Older ones have failed, since no retraining is triggered while another one is running.
    """
    from perennial.monitoring.ledger import find_failure, retraining_outcomes

    outcomes = retraining_outcomes(store, entries, ())
    results: dict[str, tuple[str, str]] = {}
    for run_id, outcome in outcomes.items():
        results[run_id] = (outcome.result, outcome.sentence)
    newest = next(reversed(results), None)
    if newest is not None and results[newest][0] == "failed" and find_failure(store, entries[-1].model, newest) is None:
        results[newest] = (PENDING, "It is queued or running, or has failed.")
    return results


def _as_json(entry: LedgerEntry, results: dict[str, tuple[str, str]]) -> dict[str, Any] | None:
    run_id = entry.decision.run_id
    if run_id is None:
        return None
    result, sentence = results[run_id]
    return {"run_id": run_id, "result": result, "sentence": sentence}
