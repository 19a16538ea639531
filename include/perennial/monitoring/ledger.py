"""The ledger: all checks with their decisions, kept for good, and the outcomes of their retrainings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Literal

from perennial.layout import BREAKER, FAILURE, LEDGER_ENTRY, PROMOTION, VERDICT, run_folder
from perennial.monitoring.records import BreakerClosed, Failure, LedgerEntry, RetrainingOutcome
from perennial.printable import PrintableLog
from perennial.promotion.answers import with_answer
from perennial.promotion.records import Verdict
from perennial.store.damage import Damaged
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_record, seal

log = PrintableLog(__name__)

_ENTRY = re.compile(r"/(\d{8,})\.json$")


def sequences(store: Store, model: str) -> list[int]:
    """Return the sequence numbers of all entries, in order, without reading the entries."""
    found = (_ENTRY.search(item.key) for item in store.list(LEDGER_ENTRY.folder(model)))
    return sorted(int(entry[1]) for entry in found if entry)


def append(store: Store, entry: LedgerEntry) -> LedgerEntry:
    """Add the entry, unless one with its number exists; return the entry that is in the ledger.

    A decision may depend on what was running at the time. A repeated decision, after a crash or from a second
    scheduler, is replaced by the first one.
    """
    try:
        store.create(LEDGER_ENTRY.key(entry.model, entry.sequence), seal(entry))
    except Conflict:
        log.info("check %d of %s was decided before", entry.sequence, entry.model)
    # The first writer also gets the entry as read from JSON, so that all callers continue with the same values.
    return read_entry(store, entry.model, entry.sequence)


def read_entry(store: Store, model: str, sequence: int) -> LedgerEntry:
    """Return one entry.

    Raises
    ------
    KeyNotFound
        There is no entry with this number.
    Damaged
        The content is not what was written.
    """
    key = LEDGER_ENTRY.key(model, sequence)
    advice = (
        "Cool-down, budget and breaker are read from it: put it back from a backup (docs/deploy.md), or move it "
        f"away: then it and the checks before it no longer count, and `perennial verify {model}` names the gap"
    )
    entry = read_record(store, key, LedgerEntry, advice)
    if (entry.model, entry.sequence) != (model, sequence):
        raise Damaged(f"{store.uri}/{key}", f"is the entry of check {entry.sequence} of {entry.model}", advice)
    return entry


def find_entry(store: Store, model: str, sequence: int) -> LedgerEntry | None:
    """Return one entry, or None."""
    try:
        return read_entry(store, model, sequence)
    except KeyNotFound:
        return None


def read_ledger(store: Store, model: str) -> tuple[LedgerEntry, ...]:
    """Return all entries, oldest first."""
    return tuple(read_entry(store, model, sequence) for sequence in sequences(store, model))


def entries_before(store: Store, model: str, sequence: int) -> Iterator[LedgerEntry]:
    """Yield the entries before a check, newest first, reading one at a time; ends at a missing entry."""
    for number in range(sequence - 1, 0, -1):
        entry = find_entry(store, model, number)
        if entry is None:
            return
        yield entry


def triggers_before(store: Store, model: str, sequence: int) -> Iterator[LedgerEntry]:
    """Yield the entries before a check that triggered a retraining, newest first, without reading those between."""
    entry = find_entry(store, model, sequence - 1)
    while entry is not None:
        if entry.decision.outcome == "trigger":
            yield entry
        entry = None if entry.last_trigger is None else find_entry(store, model, entry.last_trigger)


def retraining_outcomes(
    store: Store, ledger: Iterable[LedgerEntry], active: Collection[str]
) -> dict[str, RetrainingOutcome]:
    """Return the outcomes of triggered retrainings by run id.

    Parameters
    ----------
    store : Store
    ledger : iterable of LedgerEntry
    active : collection of str
        Ids of the retrainings that are queued or running.
    """
    triggered = [(entry.model, entry.decision.run_id) for entry in ledger if entry.decision.outcome == "trigger"]
    return {run_id: _outcome(store, model, run_id, active) for model, run_id in triggered if run_id}


def has_ended(store: Store, model: str, run_id: str) -> bool:
    """Tell whether it is known how a retraining ended: promoted or not, or failed for good."""
    prefix = run_folder(model, run_id)
    if store.exists(prefix + FAILURE.name) or store.exists(prefix + PROMOTION.name):
        return True
    verdict = _find_verdict(store, model, run_id)
    return verdict is not None and verdict.consequence == "reject"


def record_failure(store: Store, model: str, run_id: str, sentence: str) -> None:
    """Record that a retraining has failed for good. Without any record, a retraining counts as lost."""
    failure = Failure(run_id=run_id, sentence=sentence)
    store.write(run_folder(model, run_id) + FAILURE.name, seal(failure))


def find_failure(store: Store, model: str, run_id: str) -> Failure | None:
    """Return the record that a retraining has failed for good, or None if there is no record.

    Raises
    ------
    Damaged
        The content is not what was written.
    """
    advice = (
        "It says that the retraining has failed for good: put it back from a backup (docs/deploy.md), or delete it, "
        "and the retraining may be made once more"
    )
    try:
        return read_record(store, run_folder(model, run_id) + FAILURE.name, Failure, advice)
    except KeyNotFound:
        return None


def _outcome(store: Store, model: str, run_id: str, active: Collection[str]) -> RetrainingOutcome:
    if run_id in active:
        return RetrainingOutcome(run_id=run_id, result="running")
    prefix = run_folder(model, run_id)
    verdict = _find_verdict(store, model, run_id)
    if verdict is not None and verdict.consequence == "reject":
        result: Literal["rejected", "inconclusive"] = "rejected" if verdict.result == "reject" else "inconclusive"
        return RetrainingOutcome(run_id=run_id, result=result, sentence=verdict.sentence)
    if verdict is not None and store.exists(prefix + PROMOTION.name):
        return RetrainingOutcome(run_id=run_id, result="promoted", sentence=verdict.sentence)
    failure = find_failure(store, model, run_id)
    if failure is not None:
        sentence = failure.sentence
    elif verdict is not None:
        sentence = f"Not promoted, although: {verdict.sentence}"
    else:
        sentence = "It ended without a verdict."
    return RetrainingOutcome(run_id=run_id, result="failed", sentence=sentence)


def _find_verdict(store: Store, model: str, run_id: str) -> Verdict | None:
    try:
        return read_verdict(store, model, run_id)
    except KeyNotFound:
        return None


def read_verdict(store: Store, model: str, run_id: str) -> Verdict:
    """Return the verdict of a retraining, with a person's answer if there is one.

    Raises
    ------
    KeyNotFound
        The retraining has no verdict.
    Damaged
        The content is not what was written.
    """
    advice = (
        "The breaker counts by it: put it back from a backup (docs/deploy.md), or delete it: the retraining then "
        f"counts as failed. Version tags in MLflow (perennial.verdict of run {run_id}) say how it ended"
    )
    return with_answer(
        store, model, run_id, read_record(store, run_folder(model, run_id) + VERDICT.name, Verdict, advice)
    )


def close_breaker(store: Store, model: str, *, by: str, reason: str = "") -> BreakerClosed:
    """Record that rejections up to now no longer count, with who decided it and why."""
    closed = BreakerClosed(after_sequence=max(sequences(store, model), default=0), by=by, reason=reason)
    store.write(BREAKER.key(model), seal(closed))
    return closed


def breaker_closed(store: Store, model: str) -> BreakerClosed | None:
    """Return when someone last closed the breaker, or None.

    Raises
    ------
    Damaged
        The content is not what was written.
    """
    advice = (
        "It says which retrainings no longer count for the breaker: put it back from a backup (docs/deploy.md), "
        f"close the breaker once more (`perennial close-breaker {model} --reason WHY`), or delete it, and all of them "
        "count again"
    )
    try:
        return read_record(store, BREAKER.key(model), BreakerClosed, advice)
    except KeyNotFound:
        return None
