"""The versions from which a person chooses one to go back to, with figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perennial.champions.ledger import read_champions
from perennial.errors import PromotionError
from perennial.registry.champions import current_champion
from perennial.registry.evidence import versions_of
from perennial.registry.tracking import Tracker
from perennial.rollback.request import previous_of

if TYPE_CHECKING:
    from perennial.champions.records import ChampionEntry
    from perennial.run import Run

MOST = 20
"""Versions in a list; any other can be named by its number."""


@dataclass(frozen=True)
class Choice:
    """A version that was champion."""

    version: str
    figures: str
    """Its primary metric on its own holdout, and when it was champion."""
    verdict: str
    """What made it champion, in words."""


@dataclass(frozen=True)
class Choices:
    """The champion, and the versions to which it can be rolled back: the one before first, then the newest champions."""

    champion: str
    versions: tuple[Choice, ...]


def choices(run: Run) -> Choices:
    """Return what a person may choose from. Whether a version is whole and good enough is found out by `examine`.

    Raises
    ------
    PromotionError
        There is no champion, or no version that was champion before it and still exists.
    TrackingUnavailable, StoreUnavailable
        A server does not answer.
    """
    name = run.spec.name
    champion = current_champion(run.store, run.tracking_uri, name)
    if champion is None:
        raise PromotionError(f"{name} has no champion, so there is nothing to roll back")
    entries = read_champions(run.store, name)
    tags = {one.version: one.tags for one in versions_of(Tracker(run.tracking_uri), name)}
    newest_first = (entry.version for entry in reversed(entries) if entry.version)
    wanted = dict.fromkeys((previous_of(run, entries, champion.version), *newest_first))
    there = [version for version in wanted if version in tags and version != champion.version]
    if not there:
        raise PromotionError(f"no version of {name} was champion before version {champion.version} and still exists")
    return Choices(champion.version, tuple(_choice(version, entries, tags[version]) for version in there[:MOST]))


def _choice(version: str, entries: Sequence[ChampionEntry], tags: dict[str, str]) -> Choice:
    figures = [_primary(tags)]
    last = max((place for place, entry in enumerate(entries) if entry.version == version), default=None)
    if last is not None:
        until = f" to {entries[last + 1].at:%Y-%m-%d %H:%M}" if last + 1 < len(entries) else ""
        figures.append(f"champion from {entries[last].at:%Y-%m-%d %H:%M}{until} UTC")
    verdict = next((entry.verdict for entry in entries if entry.version == version and entry.kind == "promoted"), "")
    return Choice(version, ", ".join(filter(None, figures)), verdict)


def _primary(tags: dict[str, str]) -> str:
    """Return the metric by which a version was judged; anybody may have changed the tags."""
    try:
        value = float(tags.get("perennial.primary_value", ""))
    except ValueError:
        return ""
    return f"{tags.get('perennial.primary_metric', 'metric')} {value:.4g} on its holdout"
