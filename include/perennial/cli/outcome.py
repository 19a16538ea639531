"""What a look for new rows came to: in a word, in an exit code, and as JSON."""

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
    """How `perennial monitor --once` ends, by its exit code.

    0 is what a command that is repeated ends with once nothing is left to do: whoever tries again after any other code, as
    a Kubernetes CronJob does, stops there. 2 is the shell's word for a wrong call.
    """

    NOTHING_DUE = 0
    ERROR = 1
    REJECTED = 3
    INCONCLUSIVE = 4
    PROMOTED = 5
    QUIET = 6
    HELD_BACK = 7

    @property
    def word(self) -> str:
        """The outcome as people write it."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Checked:
    """What came of a look.

    Attributes
    ----------
    reason : str
        What there was to check, in a sentence or a few.
    entry : LedgerEntry or None
        None: there was too little to check.
    verdict : Verdict or None
        On the candidate, where a retraining was triggered.
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
            return Outcome.INCONCLUSIVE if self.verdict.outcome == "inconclusive" else Outcome.REJECTED
        return Outcome.QUIET if self.entry.decision.outcome == "none" else Outcome.HELD_BACK


def outcome_json(store: Store, model: str, checked: Checked) -> str:
    """Return what came of a look as one line of JSON."""
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
    """Return a look that failed as one line of JSON."""
    return json.dumps({"model": model, "outcome": Outcome.ERROR.word, "reasons": [error]})


def _promoted_version(store: Store, entry: LedgerEntry) -> str | None:
    """Return the version that a retraining has made champion; None: it has made none."""
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
