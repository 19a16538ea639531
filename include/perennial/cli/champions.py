"""Prints the ledger of champions, and answers which version was champion at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from perennial.champions.history import champion_at, in_doubt

if TYPE_CHECKING:
    from perennial.champions.records import ChampionEntry

_STYLES = {"promoted": "green", "rolled back": "yellow", "found": "red"}


def champions_table(entries: Sequence[ChampionEntry]) -> Table:
    """Return a table with a row for each move of the alias."""
    table = Table("move", "at (UTC)", "champion", "before", "how", "by", "why", show_lines=True)
    for entry in entries:
        table.add_row(
            str(entry.sequence),
            f"{entry.at:%Y-%m-%d %H:%M}",
            entry.version or "none",
            entry.previous or "none",
            Text("by hand, found then" if entry.kind == "found" else entry.kind, style=_STYLES[entry.kind]),
            Text(entry.by),
            Text("\n".join(filter(None, (entry.reason, entry.verdict, *map(_forced, entry.forced))))),
        )
    return table


def champions_json(entries: Sequence[ChampionEntry]) -> str:
    """Return the entries as JSON."""
    return json.dumps([entry.model_dump(mode="json") for entry in entries], indent=2)


def champion_then(entries: Sequence[ChampionEntry], model: str, moment: datetime) -> str:
    """Return which version was champion at a time, since when, and how it became champion, in a sentence."""
    entry = champion_at(entries, moment)
    if entry is None:
        first = f"; it begins at {entries[0].at:%Y-%m-%d %H:%M} UTC" if entries else " yet"
        return f"{model}: the ledger knows no champion at {moment:%Y-%m-%d %H:%M} UTC{first}"
    which = "no version" if entry.version is None else f"version {entry.version}"
    doubt = " Someone moved the alias by hand after that; when is not known." if in_doubt(entries, entry) else ""
    return (
        f"{model}: {which} was champion at {moment:%Y-%m-%d %H:%M} UTC, since {entry.at:%Y-%m-%d %H:%M} UTC: "
        f"{entry.how}.{doubt}"
    )


def _forced(reason: str) -> str:
    return f"Forced, although {reason}"
