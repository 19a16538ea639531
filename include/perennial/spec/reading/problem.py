"""Problems of specs, with file and line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from perennial.errors import SpecError
from perennial.printable import printable

FieldPath = tuple[str | int, ...]


@dataclass(frozen=True)
class SpecProblem:
    """One problem of a spec.

    Attributes
    ----------
    file : Path
        The file to change: the spec's own or `_defaults.yaml`.
    line : int or None
        Line number from 1; None if the problem has no line, such as a file that cannot be read.
    field : str
        Dotted path, such as `evaluation.gates.minimum` or `validation[2].kwargs`; empty for the file as a whole.
    message, hint : str
        What is wrong, and what may have been meant.
    is_warning : bool
        The spec can be used, but may not do what was intended.
    """

    file: Path
    line: int | None
    field: str
    message: str
    hint: str = ""
    is_warning: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        field = ("warning: " if self.is_warning else "") + (f"{self.field}: " if self.field else "")
        hint = f" ({self.hint})" if self.hint else ""
        return printable(f"{place}: {field}{self.message}{hint}")


class SpecFileError(SpecError):
    """A spec file cannot be used; `problems` has all its problems."""

    def __init__(self, problems: Iterable[SpecProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def dotted(path: FieldPath) -> str:
    """Return the path as people write it: `validation[2].kwargs`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return a hint that names the choice nearest to the word, or nothing if none is near."""
    by_lower = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f"did you mean {by_lower[near[0]]!r}?" if near else ""
