"""A rollback as someone asked for it, and the version that it is to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perennial.champions.history import previous_champion
from perennial.champions.ledger import newest_entry, read_champions, read_move
from perennial.errors import PromotionError
from perennial.promotion.champion_move import PREVIOUS_TAG
from perennial.registry.aliases import version_by_number
from perennial.registry.champions import current_champion
from perennial.registry.tracking import Tracker

if TYPE_CHECKING:
    from perennial.champions.records import ChampionEntry
    from perennial.run import Run

PREVIOUS = "previous"
"""Stands for the version that the champion replaced when it was promoted."""


@dataclass(frozen=True, kw_only=True)
class RollbackRequest:
    """Who wants which version back, and why.

    Attributes
    ----------
    to : str
        Number of a version, or `previous`.
    reason : str
    by : str
        The person, or the check.
    run_id : str
        Names the rollback: a repeated call with the same id finds what was done, and does it once.
    force : bool
        Roll back in spite of objections, which are recorded. A damaged version is refused even so.
    """

    to: str
    reason: str
    by: str
    run_id: str
    force: bool = False

    def __post_init__(self) -> None:
        """Refuse a rollback without a reason: the ledger keeps it for those who ask later."""
        if not self.reason.strip():
            raise PromotionError("a rollback needs a reason, which the ledger of champions keeps")


def command_id(run: Run, to: str, reason: str, by: str) -> str:
    """Return the same id for the same command, so that it finds what an interrupted one has done.

    As soon as the alias has been moved by anything else, the same command is a new rollback.
    """
    arguments = hashlib.sha256(json.dumps([run.spec.name, to, reason, by]).encode()).hexdigest()[:16]
    newest = newest_entry(run.store, run.spec.name)
    if newest is not None and newest.run_id.startswith(f"cli-{arguments}-"):
        return newest.run_id
    return f"cli-{arguments}-{newest.sequence if newest else 0}"


def made_before(run: Run, request: RollbackRequest) -> tuple[str, str] | None:
    """Return the version and the champion before, if this rollback was made, or begun by a process that was killed.

    Raises
    ------
    PromotionError
        It was made, and the champion has moved since.
    """
    name = run.spec.name
    move, _ = read_move(run.store, name)
    ours = move if move and move.origin and move.origin.run_id == request.run_id else None
    # Someone may have set the alias by hand since, which no move tells of yet.
    if ours and (ours.state == "moving" or (ours.state == "moved" and _champion(run) == ours.to_version)):
        return ours.to_version or "", ours.from_version or ""
    made = next((one for one in read_champions(run.store, name) if one.run_id == request.run_id), None)
    if made is not None:
        raise PromotionError(
            f"{request.run_id} has rolled {name} back to version {made.version} already, at {made.at:%Y-%m-%d %H:%M} "
            "UTC, and the champion has moved since: trigger a new rollback"
        )
    return None


def _champion(run: Run) -> str | None:
    found = current_champion(run.store, run.tracking_uri, run.spec.name)
    return None if found is None else found.version


def previous_of(run: Run, entries: Sequence[ChampionEntry], champion: str) -> str:
    """Return the version that the champion replaced when it was promoted; empty: it is not known, or there was none."""
    found = previous_champion(entries, champion)
    if found:
        return found
    # The ledger may be younger than the champion.
    version = version_by_number(Tracker(run.tracking_uri), run.spec.name, champion)
    return "" if version is None else str(version.tags.get(PREVIOUS_TAG, ""))


def target_of(run: Run, request: RollbackRequest, champion: str) -> str:
    """Return the number of the version that the request is to.

    Raises
    ------
    PromotionError
        It is the champion already, does not exist, or it is not known which version the champion replaced.
    """
    name, tracker = run.spec.name, Tracker(run.tracking_uri)
    to = request.to
    if to == PREVIOUS:
        to = previous_of(run, read_champions(run.store, name), champion)
        if not to:
            raise PromotionError(
                f"it is not known which version of {name} was champion before version {champion}: name one. "
                f"{_registered(tracker, name)}"
            )
    if to == champion:
        raise PromotionError(f"version {to} of {name} is champion already: there is nothing to roll back")
    if not to.isdecimal() or version_by_number(tracker, name, to) is None:
        raise PromotionError(f"version {to} of {name} is not in the registry. {_registered(tracker, name)}")
    return to


def _registered(tracker: Tracker, name: str) -> str:
    with tracker.connected():
        found = tracker.client.search_model_versions(f"name = '{name}'")
    return f"There are: {', '.join(sorted((str(one.version) for one in found), key=int))}"
