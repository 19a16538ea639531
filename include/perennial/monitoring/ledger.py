"""Every check and its decision, kept for good; and how the retrainings that came of them ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from perennial.monitoring.records import BreakerClosed, Failure, LedgerEntry, RetrainingOutcome
from perennial.outcomes import Verdict
from perennial.printable import PrintableLog
from perennial.run import reports_prefix
from perennial.store.protocol import Conflict, KeyNotFound, Store

log = PrintableLog(__name__)

FAILURE_FILE = "failure.json"


def entry_key(model: str, sequence: int) -> str:
    """Return an entry's key in the store; keys sort like sequence numbers."""
    return f"{model}/ledger/{sequence:08d}.json"


def read_sequence(key: str) -> int:
    """Return the number in an entry's key."""
    return int(key.rpartition("/")[2].removesuffix(".json"))


def breaker_key(model: str) -> str:
    """Return the key that says when someone last closed the breaker."""
    return f"{model}/monitor/breaker.json"


def append(store: Store, entry: LedgerEntry) -> LedgerEntry:
    """Keep the entry, unless one of its number is there: then that one stands, and is returned.

    A decision may depend on what ran at the time. Whoever repeats it, after a crash or beside another
    scheduler, is bound by the first.
    """
    try:
        store.create(entry_key(entry.model, entry.sequence), entry.model_dump_json(indent=2).encode())
    except Conflict:
        log.info("check %d of %s was decided before", entry.sequence, entry.model)
    # Also the first gets what JSON made of it, so that all go on with the same.
    return read_entry(store, entry.model, entry.sequence)


def read_entry(store: Store, model: str, sequence: int) -> LedgerEntry:
    """Return one entry.

    Raises
    ------
    KeyNotFound
        There is none of that number.
    """
    return LedgerEntry.model_validate_json(store.read(entry_key(model, sequence)))


def find_entry(store: Store, model: str, sequence: int) -> LedgerEntry | None:
    """Return one entry, or None."""
    try:
        return read_entry(store, model, sequence)
    except KeyNotFound:
        return None


def read_ledger(store: Store, model: str) -> tuple[LedgerEntry, ...]:
    """Return all entries, oldest first."""
    keys = [item.key for item in store.list(f"{model}/ledger/")]
    return tuple(LedgerEntry.model_validate_json(store.read(key)) for key in keys)


def entries_before(store: Store, model: str, sequence: int) -> Iterator[LedgerEntry]:
    """Yield the entries before a check, newest first, each read when it is asked for; it ends where one is missing."""
    for number in range(sequence - 1, 0, -1):
        entry = find_entry(store, model, number)
        if entry is None:
            return
        yield entry


def triggers_before(store: Store, model: str, sequence: int) -> Iterator[LedgerEntry]:
    """Yield those that triggered a retraining, newest first, without reading what lies between them."""
    entry = find_entry(store, model, sequence - 1)
    while entry is not None:
        if entry.decision.outcome == "trigger":
            yield entry
        entry = None if entry.last_trigger is None else find_entry(store, model, entry.last_trigger)


def retraining_outcomes(
    store: Store, ledger: Iterable[LedgerEntry], active: Collection[str]
) -> dict[str, RetrainingOutcome]:
    """Tell how the triggered retrainings ended, by run id.

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
    """Tell whether it is known how a retraining ended: promoted, rejected, or failed for good."""
    prefix = reports_prefix(model, run_id)
    if store.exists(prefix + FAILURE_FILE) or store.exists(prefix + "promotion.json"):
        return True
    verdict = _read_verdict(store, prefix)
    return verdict is not None and verdict.outcome == "reject"


def record_failure(store: Store, model: str, run_id: str, sentence: str) -> None:
    """Keep that a retraining has failed for good, beside its reports: one without any such word may have been lost."""
    failure = Failure(run_id=run_id, sentence=sentence)
    store.write(reports_prefix(model, run_id) + FAILURE_FILE, failure.model_dump_json(indent=2).encode())


def find_failure(store: Store, model: str, run_id: str) -> Failure | None:
    """Return why a retraining has failed for good, or None: it has not, or nobody wrote it down."""
    try:
        return Failure.model_validate_json(store.read(reports_prefix(model, run_id) + FAILURE_FILE))
    except KeyNotFound:
        return None


def _outcome(store: Store, model: str, run_id: str, active: Collection[str]) -> RetrainingOutcome:
    if run_id in active:
        return RetrainingOutcome(run_id=run_id, result="running")
    prefix = reports_prefix(model, run_id)
    verdict = _read_verdict(store, prefix)
    if verdict is not None and verdict.outcome == "reject":
        return RetrainingOutcome(run_id=run_id, result="rejected", sentence=verdict.sentence)
    if verdict is not None and store.exists(prefix + "promotion.json"):
        return RetrainingOutcome(run_id=run_id, result="promoted", sentence=verdict.sentence)
    failure = find_failure(store, model, run_id)
    if failure is not None:
        sentence = failure.sentence
    elif verdict is not None:
        sentence = f"Not promoted, although: {verdict.sentence}"
    else:
        sentence = "It ended without a verdict."
    return RetrainingOutcome(run_id=run_id, result="failed", sentence=sentence)


def _read_verdict(store: Store, prefix: str) -> Verdict | None:
    try:
        return Verdict.model_validate_json(store.read(prefix + "verdict.json"))
    except KeyNotFound:
        return None


def close_breaker(store: Store, model: str, *, by: str, reason: str = "") -> BreakerClosed:
    """Let rejections before now no longer count; kept with who did it and why."""
    decided = [item.key for item in store.list(f"{model}/ledger/")]
    last = read_sequence(decided[-1]) if decided else 0
    closed = BreakerClosed(after_sequence=last, by=by, reason=reason)
    store.write(breaker_key(model), closed.model_dump_json(indent=2).encode())
    return closed


def breaker_closed(store: Store, model: str) -> BreakerClosed | None:
    """Return when someone last closed the breaker, or None."""
    try:
        return BreakerClosed.model_validate_json(store.read(breaker_key(model)))
    except KeyNotFound:
        return None
