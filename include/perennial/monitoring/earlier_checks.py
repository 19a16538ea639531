"""What a decision rests on besides the check itself: earlier checks, and what is under way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from perennial.monitoring.records import Alarm, BreakerClosed, LedgerEntry, OpenCheck, RetrainingOutcome, SetBack


@dataclass(frozen=True, kw_only=True)
class History:
    """What the governor knows in addition to the check itself.

    Attributes
    ----------
    recent : sequence of LedgerEntry
        Earlier checks, newest first; at least as many that count as `require` needs.
    triggers : sequence of LedgerEntry
        Earlier checks that triggered a retraining, newest first; at least as many as budget and breaker need.
    outcomes : mapping
        Outcomes of those retrainings by run id.
    champion_version : str or None
        Champion at the time of the decision; not that of the check if a retraining has ended meanwhile.
    active : tuple of str
        Ids of the model's retrainings that are queued or running, however they were started.
    alarm : Alarm or None
        The pending alarm of earlier checks.
    breaker_closed : BreakerClosed or None
        The last time that someone closed the breaker by hand.
    set_back : SetBack or None
        The last time that someone set the cursor back.
    latest : datetime
        Newest event time that is not in the future; retrainings recorded for later do not hold back others.
    """

    recent: Sequence[LedgerEntry] = ()
    triggers: Sequence[LedgerEntry] = ()
    outcomes: Mapping[str, RetrainingOutcome] = field(default_factory=dict)
    champion_version: str | None
    active: tuple[str, ...] = ()
    alarm: Alarm | None = None
    breaker_closed: BreakerClosed | None = None
    set_back: SetBack | None = None
    latest: datetime


def counts_for(check: OpenCheck, entry: LedgerEntry) -> bool:
    """Tell whether an earlier check counts for `require`.

    It counts if it compared rows with the same champion, and was not coalesced: coalesced rows are checked again.
    """
    return (
        entry.check.champion is not None
        and check.champion is not None
        and entry.check.champion.version == check.champion.version
        and entry.check.batch is not None
        and entry.decision.outcome != "coalesce"
    )
