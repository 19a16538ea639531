"""Reads YAML into values that know their file and line."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import yaml

from perennial.spec.problem import FieldPath, SpecFileError, SpecProblem, dotted

_TEXT = "tag:yaml.org,2002:str"
_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")}
_NONE: Mapping[Any, Located] = MappingProxyType({})


class Located(NamedTuple):  # and no dataclass: parsing 200 specs makes 50,000
    """A value of a YAML file and where it was written.

    Attributes
    ----------
    value : object
        As `yaml.safe_load` gives it.
    file : Path
    line : int
        Counted from 1: of the key for a value in a mapping, so that it is the line a reader looks for.
    children : mapping
        The parts of a mapping by key, those of a list by index.
    """

    value: Any
    file: Path
    line: int
    children: Mapping[Any, Located] = _NONE

    def at(self, path: FieldPath) -> Located:
        """Return what is written under the path, or the nearest part above it if there is nothing."""
        here = self
        for part in path:
            if part not in here.children:
                break
            here = here.children[part]
        return here


def read_yaml(path: Path) -> Located | None:
    """Read one YAML document, or None if the file has none.

    Raises
    ------
    SpecFileError
        The file cannot be read or is no YAML; a key is there twice.
    """
    text = _read_text(path)
    loader = _Loader(text)
    reader = _Reader(path, loader)
    try:
        node = loader.get_single_node()
        tree = None if node is None else reader.located(node, node.start_mark.line + 1, ())
    except yaml.YAMLError as error:
        raise SpecFileError([_syntax_problem(path, text, error)]) from None
    except RecursionError:
        raise SpecFileError([SpecProblem(path, None, "", "an alias stands inside what it stands for")]) from None
    finally:
        loader.dispose()
    if reader.problems:
        raise SpecFileError(reader.problems)
    return tree


def merge(under: Located, over: Located) -> Located:
    """Lay one value over another: mappings merge, everything else replaces; each part keeps its own place."""
    if not (isinstance(under.value, dict) and isinstance(over.value, dict)):
        return over
    children = dict(under.children)
    for key, child in over.children.items():
        children[key] = merge(children[key], child) if key in children else child
    return Located({key: child.value for key, child in children.items()}, over.file, over.line, children)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, the fast one where PyYAML was built with it."""


class _Reader:
    """Turns the nodes of one file into located values and notes what is wrong with them."""

    def __init__(self, path: Path, loader: Any) -> None:
        self.problems: list[SpecProblem] = []
        self._path = path
        self._loader = loader
        self._seen: dict[int, Located] = {}

    def located(self, node: yaml.Node, line: int, path: FieldPath) -> Located:
        known = self._seen.get(id(node))
        if known is None:
            known = self._seen[id(node)] = self._read(node, line, path)
        # An alias is the same node as its anchor, in another line.
        return known if known.line == line else known._replace(line=line)

    def _read(self, node: yaml.Node, line: int, path: FieldPath) -> Located:
        if node.tag not in _PLAIN:
            self._complain(
                node, path, f"the YAML tag {node.tag!r} is not for specs: write plain text, numbers and lists"
            )
            return Located(None, self._path, line)
        if isinstance(node, yaml.MappingNode):
            children: dict[Any, Located] = self._mapping(node, path)
            return Located({key: child.value for key, child in children.items()}, self._path, line, children)
        if isinstance(node, yaml.SequenceNode):
            items = [
                self.located(item, item.start_mark.line + 1, (*path, index)) for index, item in enumerate(node.value)
            ]
            return Located([item.value for item in items], self._path, line, dict(enumerate(items)))
        return Located(self._scalar(node, path), self._path, line)

    def _mapping(self, node: yaml.MappingNode, path: FieldPath) -> dict[Hashable, Located]:
        self._refuse_duplicates(node, path)
        self._loader.flatten_mapping(node)  # the YAML merge key, <<
        children = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(key_node, path, "the name of a field must be text")
                continue
            key = self._scalar(key_node, path)
            children[key] = self.located(value_node, key_node.start_mark.line + 1, (*path, key))
        return children

    def _refuse_duplicates(self, node: yaml.MappingNode, path: FieldPath) -> None:
        if len({str(key_node.value) for key_node, _ in node.value}) == len(node.value):
            return
        lines: dict[str, int] = {}
        for key_node, _ in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in lines and isinstance(key_node, yaml.ScalarNode):
                self._complain(key_node, (*path, key), f"is there twice: line {lines[key]} has it already")
            lines.setdefault(key, line)

    def _scalar(self, node: yaml.Node, path: FieldPath) -> Any:
        if node.tag == _TEXT:
            return node.value
        try:
            return self._loader.construct_object(node, deep=True)
        except ValueError:
            self._complain(
                node, path, f"{node.value!r} looks like a date or number but is none: quote it if it is text"
            )
            return None

    def _complain(self, node: yaml.Node, path: FieldPath, message: str) -> None:
        self.problems.append(SpecProblem(self._path, node.start_mark.line + 1, dotted(path), message))


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SpecFileError([SpecProblem(path, None, "", f"cannot be read: {error.strerror}")]) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecFileError([SpecProblem(path, line, "", "is not UTF-8: save the file in that encoding")]) from None


def _syntax_problem(path: Path, text: str, error: yaml.YAMLError) -> SpecProblem:
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # a character that YAML does not allow anywhere
        return SpecProblem(path, None, "", f"is no YAML: {' '.join(str(error).split())}")
    lines = text.splitlines()
    written = lines[mark.line] if mark.line < len(lines) else ""
    context = getattr(error, "context", None) or ""
    hint = ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        hint = "YAML is indented with spaces, never with tabs"
    elif "alias" in context:
        hint = "YAML takes a * at the beginning for an alias: quote text such as '* * * * *'"
    said = ", ".join(filter(None, (context, getattr(error, "problem", None))))
    return SpecProblem(path, mark.line + 1, "", f"is no YAML: {said}", hint)
