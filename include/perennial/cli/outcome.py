"""The result of a look for new rows: in a word, as an exit code, and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perennial.monitoring.records import LedgerEntry
    from perennial.promotion.records import Verdict
    from perennial.store.protocol import Store


class Outcome(IntEnum):
    """The result of `perennial monitor --once`, by exit code.

    0 means that nothing was left to do, so that callers which repeat the command after any other code, such as a
    Kubernetes CronJob, stop there. 2 is not used, since the shell uses it for a wrong call.
    """

    NOTHING_DUE = 0
    ERROR = 1
    REJECTED = 3
    INCONCLUSIVE = 4
    PROMOTED = 5
    QUIET = 6
    HELD_BACK = 7
    WAITING = 8
    """A person has to decide on the candidate."""

    @property
    def word(self) -> str:
        """The outcome in words."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Checked:
    """The result of a look.

    Attributes
    ----------
    reason : str
        What there was to check, in one or more sentences.
    entry : LedgerEntry or None
        The check's entry; None: there was too little to check.
    verdict : Verdict or None
        The verdict on the candidate, if a retraining was triggered.
    """

    reason: str
    entry: LedgerEntry | None = None
    verdict: Verdict | None = None

    @property
    def outcome(self) -> Outcome:
        """The look in one word."""
        if self.entry is None:
            return Outcome.NOTHING_DUE
        if self.verdict is not None:
            if self.verdict.promotes:
                return Outcome.PROMOTED
            if self.verdict.consequence == "ask":
                return Outcome.WAITING
            return Outcome.INCONCLUSIVE if self.verdict.result == "inconclusive" else Outcome.REJECTED
        return Outcome.QUIET if self.entry.decision.outcome == "none" else Outcome.HELD_BACK


def outcome_json(store: Store, model: str, checked: Checked) -> str:
    """Return the result of a look as one line of JSON."""
    entry, verdict = checked.entry, checked.verdict
    found: dict[str, Any] = {
        "model": model,
        "outcome": checked.outcome.word,
        "sequence": None,
        "reasons": [checked.reason],
    }
    found |= {"as_of": None, "champion": None, "rows": None, "tests": [], "retraining": None}
    if entry is not None:
        champion = entry.check.champion
        found |= {
            "sequence": entry.sequence,
            "reasons": list(entry.decision.reasons),
            "as_of": entry.as_of.isoformat(),
            "champion": champion and champion.version,
            "rows": entry.check.rows,
            "tests": [json.loads(result.model_dump_json(exclude={"detector"})) for result in entry.results],
        }
    if entry is not None and verdict is not None:
        found["retraining"] = {
            "run_id": entry.decision.run_id,
            "outcome": checked.outcome.word,
            "version": _promoted_version(store, entry),
            "sentence": verdict.sentence,
        }
    return json.dumps(found)


def error_json(model: str, error: str) -> str:
    """Return the error of a failed look as one line of JSON."""
    return json.dumps({"model": model, "outcome": Outcome.ERROR.word, "reasons": [error]})


def _promoted_version(store: Store, entry: LedgerEntry) -> str | None:
    """Return the version that the entry's retraining has made champion; None: there is none."""
    from perennial.layout import PROMOTION, run_folder
    from perennial.promotion.records import Promotion
    from perennial.store.protocol import KeyNotFound
    from perennial.store.sealed import read_record

    assert entry.decision.run_id is not None  # noqa: S101 - every trigger has one
    try:
        return read_record(
            store, run_folder(entry.model, entry.decision.run_id) + PROMOTION.name, Promotion, ""
        ).version
    except KeyNotFound:
        return None
