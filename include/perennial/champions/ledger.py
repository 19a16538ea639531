"""The ledger of champions in the store: an entry for every move of the alias, appended exactly once.

`<model>/promotion.json` holds the newest move and is replaced only if nobody else has replaced it, so each sequence
number belongs to one move. A move that is done is entered under its number before there can be another. MLflow lets
anyone set an alias and tells neither who nor when: such a move is entered by whoever notices it first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from perennial.champions.records import ChampionEntry, Move, MoveOrigin
from perennial.layout import CHAMPION_ENTRY, CHAMPION_MOVE
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_record, read_versioned_record, seal

_NUMBER = re.compile(r"/(\d{8,})\.json$")
_ENTRY_ADVICE = (
    "It says which version was champion at a time: put it back from a backup (docs/deploy.md), or move it away: then "
    "the move is missing from the ledger"
)
_MOVE_ADVICE = (
    "It keeps two moves of one model's champion apart; MLflow's alias says which version is champion. Delete it while "
    "no run of the model is promoting or rolling back, then clear the task or repeat the command"
)


def read_move(store: Store, model: str) -> tuple[Move | None, str | None]:
    """Return the newest move and its version for `write_move`; None, None: nothing was ever moved.

    Raises
    ------
    Damaged
        The record is not what was written.
    """
    try:
        return read_versioned_record(store, CHAMPION_MOVE.key(model), Move, _MOVE_ADVICE)
    except KeyNotFound:
        return None, None


def write_move(store: Store, model: str, move: Move, over: str | None) -> str:
    """Replace the version of the record that was read; return the new version.

    Raises
    ------
    Conflict
        Another process has replaced it.
    """
    key, data = CHAMPION_MOVE.key(model), seal(move)
    return store.create(key, data) if over is None else store.replace(key, data, over)


def enter(store: Store, model: str, move: Move) -> None:
    """Enter a move that is done in the ledger, unless it is there."""
    entry = _entry(model, move)
    if entry is not None:
        with suppress(Conflict):
            store.create(CHAMPION_ENTRY.key(model, entry.sequence), seal(entry))


def read_champions(store: Store, model: str) -> tuple[ChampionEntry, ...]:
    """Return all moves of the alias that are known, oldest first.

    Raises
    ------
    Damaged
        An entry is not what was written.
    """
    entries = [_read(store, model, number) for number in _numbers(store, model)]
    move, _ = read_move(store, model)
    # A process that was killed may have moved the alias and not entered it; the next one does.
    newest = None if move is None else _entry(model, move)
    if newest is not None and newest.sequence not in {entry.sequence for entry in entries}:
        entries.append(newest)
    return tuple(entries)


def newest_entry(store: Store, model: str) -> ChampionEntry | None:
    """Return the newest move of the alias that is known, or None; the others are not read."""
    move, _ = read_move(store, model)
    newest = None if move is None else _entry(model, move)
    if newest is not None:
        return newest
    number = max(_numbers(store, model), default=None)
    return None if number is None else _read(store, model, number)


def next_sequence(store: Store, model: str, last: Move | None) -> int:
    """Return the number of the next move. The record may have been deleted; its numbers are not used again."""
    return 1 + max((last.sequence if last else 0, *_numbers(store, model)))


def enter_found(
    store: Store, model: str, find_champion: Callable[[], str | None], now: datetime
) -> ChampionEntry | None:
    """Enter that someone has set the alias by hand; None: the ledger knows the champion, or a move is in progress.

    Parameters
    ----------
    store : Store
    model : str
    find_champion : callable
        Returns the version that has the alias in MLflow, None if none has. It is asked after the newest move was read,
        so that a move which ends meanwhile is not taken for one by hand.
    now : datetime
        The current time, with a time zone.
    """
    last, stored_as = read_move(store, model)
    if last is not None and last.state == "moving":
        return None
    if last is not None and last.sequence not in _numbers(store, model):
        enter(store, model, last)
    newest = newest_entry(store, model)
    known = None if newest is None else newest.version
    champion = find_champion()
    if champion == known:
        return None
    move = Move(
        sequence=next_sequence(store, model, last),
        from_version=known,
        to_version=champion,
        state="moved",
        origin=MoveOrigin(kind="found", at=now),
    )
    try:
        write_move(store, model, move, stored_as)
    except Conflict:
        return None
    enter(store, model, move)
    return _entry(model, move)


def _entry(model: str, move: Move) -> ChampionEntry | None:
    if move.origin is None or move.state != "moved":
        return None
    return ChampionEntry(
        model=model,
        sequence=move.sequence,
        version=move.to_version,
        previous=move.from_version,
        **move.origin.model_dump(),
    )


def _numbers(store: Store, model: str) -> list[int]:
    found = (_NUMBER.search(item.key) for item in store.list(CHAMPION_ENTRY.folder(model)))
    return sorted(int(number[1]) for number in found if number)


def _read(store: Store, model: str, sequence: int) -> ChampionEntry:
    return read_record(store, CHAMPION_ENTRY.key(model, sequence), ChampionEntry, _ENTRY_ADVICE)
