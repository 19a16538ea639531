"""What a card says, whatever it is written in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup


@dataclass(frozen=True)
class Table:
    """A table of texts; all rows have as many cells as the head.

    Attributes
    ----------
    head : tuple of str
    rows : tuple of tuple of str
    is_drawn : bool
        The page has a drawing in its place, so only the text version has the table.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_drawn: bool = False


@dataclass(frozen=True)
class Section:
    """A part of a card.

    Attributes
    ----------
    title : str
    sentences : tuple of str
    tables : tuple of Table
    drawings : tuple of Markup
        SVG, which the text version does without: the tables have the same figures.
    small_drawings : tuple of Markup
        SVG, several beside each other.
    """

    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    drawings: tuple[Markup, ...] = ()
    small_drawings: tuple[Markup, ...] = ()


@dataclass(frozen=True)
class Card:
    """A whole card.

    Attributes
    ----------
    title : str
        Model and version.
    purpose : str
    standing : str
        What became of the version, in a word.
    tone : {'good', 'bad', 'open'}
        Of the standing.
    sentence : str
        The verdict in words.
    facts : tuple of (str, str)
        Name and value.
    sections : tuple of Section
    """

    title: str
    purpose: str
    standing: str
    tone: Literal["good", "bad", "open"]
    sentence: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


def figure(value: float | None) -> str:
    """Return a number with four digits, or a dash if it is not known."""
    return "–" if value is None or not math.isfinite(value) else f"{value:,.4g}"


def share(value: float) -> str:
    """Return a share in percent."""
    return f"{100 * value:.1f}%"
