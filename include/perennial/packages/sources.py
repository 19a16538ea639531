"""The modules of Perennial that predict, copied from their sources for a wheel that must not need Perennial."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

ROOT = "perennial"
RUNTIME = ("perennial.packages.runtime.command", "perennial.packages.runtime.packaged")
_NAMED = re.compile(rf"\b(from|import) {ROOT}(?=[.\s])")


def copied_sources(package: str) -> Mapping[str, str]:
    """Return path -> source of the runtime, and of all of Perennial that it imports.

    Parameters
    ----------
    package : str
        The package that the copies import each other from, such as `flight_delay._perennial`.
    """
    found: dict[str, str] = {}
    waiting = [*RUNTIME]
    while waiting:
        name = waiting.pop()
        path, source = _source(name)
        if path not in found:
            found[path] = _NAMED.sub(rf"\1 {package}", source)
            waiting += _imports(ast.parse(source))
            # Importing a module imports the packages that it is in.
            waiting += [name.rpartition(".")[0]] if "." in name else []
    return dict(sorted(found.items()))


def _source(name: str) -> tuple[str, str]:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    origin = Path(spec.origin)
    folder, module = name.replace(".", "/").removeprefix(ROOT).lstrip("/"), origin.name
    path = f"{folder}/{module}" if module == "__init__.py" else f"{folder}.py"
    return path.lstrip("/"), origin.read_text(encoding="utf-8")


def _imports(tree: ast.AST) -> Iterator[str]:
    """Yield the modules of Perennial that are imported when a module runs: not those for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == ROOT:
            yield str(node.module)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == ROOT)
        yield from _imports(node)
