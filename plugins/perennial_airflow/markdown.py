"""Text in the Markdown that Airflow shows. Names of columns and categories, and what people write, may be anything."""

from __future__ import annotations

import re

from perennial.printable import printable_name

# Everything that CommonMark lets a backslash precede.
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: str) -> str:
    """Return Markdown that shows a text as it is, on one line: no link, picture or table comes from it."""
    return _PUNCTUATION.sub(r"\\\1", printable_name(text))
