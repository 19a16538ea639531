"""What persons answered about candidates, with the runs' reports in the store."""

from __future__ import annotations

import hashlib

from perennial.answer import Answer
from perennial.layout import APPROVAL, run_folder
from perennial.promotion.records import Verdict
from perennial.record import Record
from perennial.store.protocol import KeyNotFound, Store
from perennial.store.sealed import read_record, seal


class Approval(Record):
    """An answer, and to which verdict."""

    verdict: str
    """Digest of the verdict. An answer does not hold for another one."""
    answer: Answer


def keep_answer(store: Store, model: str, run_id: str, verdict: Verdict, answer: Answer) -> None:
    """Keep the answer that a person gave to a verdict, in place of an earlier one."""
    store.write(run_folder(model, run_id) + APPROVAL.name, seal(Approval(verdict=_digest(verdict), answer=answer)))


def with_answer(store: Store, model: str, run_id: str, verdict: Verdict) -> Verdict:
    """Return a verdict with the answer that a person gave to it, if there is one.

    Raises
    ------
    Damaged
        The answer is not what was written.
    """
    advice = (
        "It says what a person decided: put it back from a backup (docs/deploy.md), or delete it and clear 'approve'"
    )
    try:
        kept = read_record(store, run_folder(model, run_id) + APPROVAL.name, Approval, advice)
    except KeyNotFound:
        return verdict
    return verdict.answered(kept.answer) if kept.verdict == _digest(verdict) else verdict


def _digest(verdict: Verdict) -> str:
    return hashlib.sha256(verdict.model_dump_json().encode()).hexdigest()
