"""Read YAML into values with their file and line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import yaml

from perennial.spec.limits import MAX_DEPTH, MAX_DIGITS, MAX_PROBLEMS, MAX_VALUES
from perennial.spec.reading.problem import FieldPath, SpecFileError, SpecProblem, dotted
from perennial.spec.reading.spec_text import read_text, refuse_deep_nesting, too_deep

_TEXT = "tag:yaml.org,2002:str"
# All control characters except tab and line feed: they must not reach terminals, logs or databases.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_MERGE = "tag:yaml.org,2002:merge"
_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")}
_NONE: Mapping[Any, Located] = MappingProxyType({})


class Located(NamedTuple):  # not a dataclass, because parsing 200 specs makes 50,000
    """A value of a YAML file and where it was written.

    Attributes
    ----------
    value : object
        Value as returned by `yaml.safe_load`.
    file : Path
    line : int
        Line number from 1; for a value in a mapping, the line of its key, where a reader looks for it.
    children : mapping
        Values of a mapping by key, or of a list by index.
    """

    value: Any
    file: Path
    line: int
    children: Mapping[Any, Located] = _NONE

    def at(self, path: FieldPath) -> Located:
        """Return the value at the path, or the nearest existing value above it."""
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
        The file cannot be read, is larger than a spec may be, or is not YAML; a key occurs twice; or a value is not
        allowed in a spec.
    """
    text = read_text(path)
    loader = _Loader(text)
    reader = _Reader(path, loader)
    try:
        refuse_deep_nesting(path, text, _Loader)
        node = loader.get_single_node()
        tree = None if node is None else reader.read(node)
    except yaml.YAMLError as error:
        raise SpecFileError([_syntax_problem(path, text, error)]) from None
    finally:
        loader.dispose()
    if reader.problems:
        raise SpecFileError(reader.problems[:MAX_PROBLEMS])
    return tree


def merge(under: Located, over: Located) -> Located:
    """Merge two values: mappings are merged, other values are replaced; each part keeps its file and line."""
    if not (isinstance(under.value, dict) and isinstance(over.value, dict)):
        return over
    children = dict(under.children)
    for key, child in over.children.items():
        children[key] = merge(children[key], child) if key in children else child
    return Located({key: child.value for key, child in children.items()}, over.file, over.line, children)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, in C if PyYAML was built with it."""


class _Reader:
    """Turns the nodes of one file into located values and notes what is wrong with them."""

    def __init__(self, path: Path, loader: Any) -> None:
        self.problems: list[SpecProblem] = []
        self._path = path
        self._loader = loader
        self._seen: dict[int, Located | None] = {}  # None while a node is being read
        self._sizes: dict[int, tuple[int, int]] = {}
        self._has_aliases = False
        self._merged_keys = 0

    def read(self, root: yaml.Node) -> Located:
        tree = self.located(root, root.start_mark.line + 1, ())
        # Without aliases, the number of values is that of nodes, and the depth that of paths.
        if self._has_aliases and not self.problems:
            self._measure(tree)
        return tree

    def located(self, node: yaml.Node, line: int, path: FieldPath) -> Located:
        if id(node) in self._seen:
            self._has_aliases = True
            known = self._seen[id(node)]
            if known is None:
                self._complain(node, path, "contains an alias of itself")
                return Located(None, self._path, line)
            # An alias is the same node as its anchor, but on another line.
            return known if known.line == line else known._replace(line=line)
        self._seen[id(node)] = None
        if len(self._seen) > MAX_VALUES:
            raise self._too_many(line)
        known = self._seen[id(node)] = self._read(node, line, path)
        return known

    def _read(self, node: yaml.Node, line: int, path: FieldPath) -> Located:
        if node.tag not in _PLAIN:
            self._complain(
                node, path, f"the YAML tag {node.tag!r} is not for specs: write plain text, numbers and lists"
            )
        elif isinstance(node, yaml.ScalarNode):
            return Located(self._scalar(node, path), self._path, line)
        elif len(path) >= MAX_DEPTH:
            self.problems.append(too_deep(self._path, line, dotted(path)))
        elif isinstance(node, yaml.MappingNode):
            return self._located_mapping(self._mapping(node, path), line)
        else:
            items = [
                self.located(item, item.start_mark.line + 1, (*path, index)) for index, item in enumerate(node.value)
            ]
            return Located([item.value for item in items], self._path, line, dict(enumerate(items)))
        return Located(None, self._path, line)

    def _located_mapping(self, children: dict[Any, Located], line: int) -> Located:
        return Located({key: child.value for key, child in children.items()}, self._path, line, children)

    def _mapping(self, node: yaml.MappingNode, path: FieldPath) -> dict[Any, Located]:
        merged: dict[Any, Located] = {}
        children: dict[Any, Located] = {}
        lines: dict[Any, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(key_node, path, "the name of a field must be text")
                continue
            line = key_node.start_mark.line + 1
            is_merge = key_node.tag == _MERGE
            key = key_node.value if is_merge else self._scalar(key_node, path)
            # Python treats 1 and true as the same key, and people 1 and '1'.
            first = lines.get(key) or lines.get(str(key))
            if first:
                self._complain(key_node, (*path, key), f"occurs twice: it is in line {first} already")
                continue
            lines[key] = lines[str(key)] = line
            if is_merge:
                merged = self._merged(value_node, path)
            else:
                children[key] = self.located(value_node, line, (*path, key))
        return merged | children if merged else children

    def _merged(self, node: yaml.Node, path: FieldPath) -> dict[Any, Located]:
        """Return the values of the merge key <<; of several mappings with the same key, the first has priority."""
        merged: dict[Any, Located] = {}
        for one in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(one, yaml.MappingNode):
                self._complain(one, (*path, "<<"), "merges mappings only")
                continue
            brought = self.located(one, one.start_mark.line + 1, path).children
            self._merged_keys += len(brought)
            if self._merged_keys > MAX_VALUES:
                raise self._too_many(one.start_mark.line + 1)
            merged = {**brought, **merged}
        return merged

    def _scalar(self, node: yaml.ScalarNode, path: FieldPath) -> Any:
        if node.tag == _TEXT:
            if not node.value.isprintable() and (found := _CONTROL.search(node.value)):
                self._complain(node, path, f"the text has the control character U+{ord(found[0]):04X}: leave it out")
                return None
            return node.value
        if node.tag not in _PLAIN:
            self._complain(node, path, f"{node.value!r} has the YAML tag {node.tag!r}: quote it if it is text")
            return None
        if len(node.value) > MAX_DIGITS:
            self._complain(node, path, f"a number of {len(node.value)} characters is too long: quote it if it is text")
            return None
        try:
            value = self._loader.construct_object(node, deep=True)
        except yaml.YAMLError:
            raise
        except Exception:  # PyYAML's conversions raise various errors, such as KeyError for `!!bool maybe`
            self._complain(
                node, path, f"{node.value!r} looks like a date or number but is not one: quote it if it is text"
            )
            return None
        if _is_too_large(value, node.value):
            self._complain(node, path, f"{node.value} is too large a number: quote it if it is text")
            return None
        return value

    def _measure(self, part: Located) -> tuple[int, int]:
        """Return number and depth of the values of a part, with aliases expanded; refuse too many or too deep."""
        if not part.children:
            return 1, 0
        known = self._sizes.get(id(part.children))  # an alias and its anchor share it
        if known is None:
            each = [self._measure(child) for child in part.children.values()]
            values, depth = 1 + sum(size for size, _ in each), 1 + max(below for _, below in each)
            known = self._sizes[id(part.children)] = values, depth
            if values > MAX_VALUES:
                raise self._too_many(part.line)
            if depth > MAX_DEPTH:
                raise SpecFileError([too_deep(self._path, part.line)])
        return known

    def _too_many(self, line: int) -> SpecFileError:
        message = f"has too many values, counting all that aliases stand for: {MAX_VALUES} are allowed"
        return SpecFileError([SpecProblem(self._path, line, "", message)])

    def _complain(self, node: yaml.Node, path: FieldPath, message: str) -> None:
        self.problems.append(SpecProblem(self._path, node.start_mark.line + 1, dotted(path), message))


def _is_too_large(value: Any, written: str) -> bool:
    if type(value) is int:
        return not -(2**63) <= value < 2**63
    # .inf is an intended infinity.
    return isinstance(value, float) and math.isinf(value) and "inf" not in written.lower()


def _syntax_problem(path: Path, text: str, error: yaml.YAMLError) -> SpecProblem:
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # a character that YAML does not allow anywhere
        return SpecProblem(path, None, "", f"is not YAML: {' '.join(str(error).split())}")
    lines = text.splitlines()
    written = lines[mark.line] if mark.line < len(lines) else ""
    context = getattr(error, "context", None) or ""
    hint = ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        hint = "YAML is indented with spaces, never with tabs"
    elif "alias" in context:
        hint = "YAML takes a * at the beginning for an alias: quote text such as '* * * * *'"
    said = ", ".join(filter(None, (context, getattr(error, "problem", None))))
    return SpecProblem(path, mark.line + 1, "", f"is not YAML: {said}", hint)
