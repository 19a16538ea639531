"""What the ledger of champions answers. Pure: the same entries give the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from perennial.champions.records import ChampionEntry


def champion_at(entries: Sequence[ChampionEntry], moment: datetime) -> ChampionEntry | None:
    """Return the move by which the version that was champion at a time became it; None: none is known.

    For work on the past, such as scoring rows with the model that served them.

    Parameters
    ----------
    entries : sequence of ChampionEntry
        The ledger, oldest first.
    moment : datetime
        A time of the clock, with a time zone: not an event time.

    Notes
    -----
    If the next entry was found, someone may have moved the alias before it was noticed: see `in_doubt`.
    """
    # By number, since the clocks of two machines may differ.
    return next((entry for entry in reversed(entries) if entry.at <= moment), None)


def in_doubt(entries: Sequence[ChampionEntry], entry: ChampionEntry) -> bool:
    """Tell whether the end of an entry's time is not known, because its successor was set by hand and found later."""
    return next((later.kind == "found" for later in entries if later.sequence > entry.sequence), False)


def previous_champion(entries: Sequence[ChampionEntry], version: str) -> str | None:
    """Return the version that this one replaced when it was promoted; None: it is not known, or there was none.

    Rollbacks do not count: after one, the previous champion is the one before, and not the one that was rolled back.
    """
    for kind in ("promoted", "found"):
        found = next((entry for entry in reversed(entries) if (entry.version, entry.kind) == (version, kind)), None)
        if found is not None:
            return found.previous
    return None


def rolled_back(entries: Sequence[ChampionEntry]) -> dict[str, ChampionEntry]:
    """Return version -> rollback, for all versions that were rolled back and have not been champion since."""
    away: dict[str, ChampionEntry] = {}
    for entry in entries:
        if entry.kind == "rolled back" and entry.previous:
            away[entry.previous] = entry
        away.pop(entry.version or "", None)
    return away
