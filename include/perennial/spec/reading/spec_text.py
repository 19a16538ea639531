"""Read the text of a spec file safely, and refuse nesting that would crash the YAML parser."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import yaml

from perennial.spec.limits import MAX_BYTES, MAX_DEPTH
from perennial.spec.reading.problem import SpecFileError, SpecProblem

_SURELY_SHALLOW = 1000


def read_text(path: Path) -> str:
    """Return the file's text.

    Raises
    ------
    SpecFileError
        The file cannot be read, is too large or is not UTF-8.
    """
    try:
        # Opening a named pipe would block, and a device may be endless.
        if not stat.S_ISREG(path.stat().st_mode):
            raise SpecFileError([SpecProblem(path, None, "", "is not a file")])
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecFileError([SpecProblem(path, None, "", f"cannot be read: {error.strerror}")]) from None
    if len(data) > MAX_BYTES:
        message = f"is too large: a spec may have {MAX_BYTES // 1024} KiB"
        raise SpecFileError([SpecProblem(path, None, "", message)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecFileError([SpecProblem(path, line, "", "is not UTF-8: save the file in that encoding")]) from None


def refuse_deep_nesting(path: Path, text: str, loader: type[Any]) -> None:
    """Raise SpecFileError if the YAML is nested too deeply.

    libyaml builds its tree by recursion in C, so too deep a nesting crashes the process. Its events come without
    recursion; they are examined only if brackets and indentation make such a depth possible.
    """
    widest = max(map(len, text.split("\n")))
    if text.count("[") + text.count("{") + 2 * widest <= _SURELY_SHALLOW:
        return
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else None
            raise SpecFileError([too_deep(path, line)])


def too_deep(path: Path, line: int | None, field: str = "") -> SpecProblem:
    """Return the problem for a value that is nested too deeply."""
    return SpecProblem(path, line, field, f"is nested too deeply: {MAX_DEPTH} levels are allowed")
