"""Tables and names in Markdown, for the pages beside the DAGs."""

from __future__ import annotations

from collections.abc import Iterable


def codes(names: Iterable[str]) -> str:
    """Return the names as code with commas between, or 'none'."""
    return ", ".join(f"`{name}`" for name in names) or "none"


def table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of two columns."""
    lines = [head, ("---", "---"), *rows]
    return "\n".join(f"| {left} | {right} |" for left, right in lines)
