"""Parse an expectation's `row_condition`, in all forms that Great Expectations accepts, into one syntax tree."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_QUOTED_OR_BACKTICKS = re.compile(r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|`([^`]+)`""")
# As in `DataFrame.query`, & and | have the precedence of `and` and `or`.
_AS_WORDS = {"&": "and", "|": "or"}
_OPERATORS: Mapping[str, type[ast.cmpop]] = {
    "==": ast.Eq, "!=": ast.NotEq, "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE, "IN": ast.In,
    "NOT_IN": ast.NotIn,
}  # fmt: skip


class ConditionError(ValueError):
    """A condition cannot be read; the message says why."""


@dataclass(frozen=True)
class Condition:
    """A parsed condition.

    Attributes
    ----------
    text : str
        The condition as text, for messages.
    tree : ast.expr
        Syntax tree, in which a column is a Name.
    columns : dict of str to str
        Name -> column.
    """

    text: str
    tree: ast.expr
    columns: dict[str, str] = field(default_factory=dict)


def read_condition(kwargs: Mapping[str, Any]) -> Condition | None:
    """Return the condition among an expectation's arguments; None without one.

    Raises
    ------
    ConditionError
        The condition cannot be read.
    """
    given = kwargs.get("row_condition")
    if given is None:
        return None
    parser = kwargs.get("condition_parser")
    if parser == "spark":
        raise ConditionError("conditions are read by pandas: write condition_parser: pandas, and the condition for it")
    names = _Names()
    if isinstance(given, str):
        text, tree = given, names.of_text(given)
    else:
        tree = names.of_mapping(given)
        text = re.sub(r"\b_column\d+_\b", lambda found: names.columns[found[0]], ast.unparse(tree))
    return Condition(" ".join(text.split()), tree, names.columns)


class _Names:
    """Parses conditions, and gives each column a valid Python name."""

    def __init__(self) -> None:
        self.columns: dict[str, str] = {}

    def of_text(self, text: str) -> ast.expr:
        """Parse a text for `DataFrame.query`, or of the form `col("name") > 5` of Great Expectations."""

        def named(found: re.Match[str]) -> str:
            return found[1] or self._name(found[2]).id

        try:
            source = _with_words(_QUOTED_OR_BACKTICKS.sub(named, " ".join(text.splitlines()).strip()))
            tree = ast.parse(source, mode="eval").body
            for node in ast.walk(tree):
                if isinstance(node, ast.MatMult | ast.Lambda | ast.NamedExpr | ast.comprehension):
                    raise ConditionError(f"{text!r} is more than a condition on columns")
            renamed: ast.expr = _Columns(self._name, self.columns).visit(tree)
            return ast.fix_missing_locations(renamed)
        except ConditionError:
            raise
        except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError):
            raise ConditionError(
                f"{text!r} is not a condition such as \"distance > 100 and carrier == 'AA'\""
            ) from None

    def of_mapping(self, given: Any) -> ast.expr:
        """Parse a condition object of Great Expectations, written as a mapping."""
        try:
            return ast.fix_missing_locations(self._of_object(given))
        except (KeyError, TypeError, AttributeError, RecursionError):
            raise ConditionError(
                "is neither text nor one of Great Expectations' conditions, such as {type: comparison, column: {name: "
                "distance}, operator: '>', parameter: 100}"
            ) from None

    def _of_object(self, given: Mapping[str, Any]) -> ast.expr:
        kind = given["type"]
        if kind in ("and", "or"):
            parts = [self._of_object(one) for one in given["conditions"]]
            return ast.BoolOp(ast.And() if kind == "and" else ast.Or(), parts) if len(parts) > 1 else parts[0]
        if kind == "pass_through":
            return self.of_text(given["pass_through_filter"])
        column = self._name(given["column"]["name"])
        if kind == "nullity":
            test = "isnull" if given["is_null"] else "notnull"
            return ast.Call(ast.Attribute(column, test, ast.Load()), [], [])
        if kind != "comparison":
            raise KeyError(kind)
        value = given["parameter"]
        listed = isinstance(value, list | tuple)
        literal = ast.List([ast.Constant(one) for one in value], ast.Load()) if listed else ast.Constant(value)
        return ast.Compare(column, [_OPERATORS[given["operator"]]()], [literal])

    def _name(self, column: str) -> ast.Name:
        if not isinstance(column, str):
            raise TypeError(column)
        known = next((name for name, other in self.columns.items() if other == column), None)
        name = known or f"_column{len(self.columns)}_"
        self.columns[name] = column
        return ast.Name(name, ast.Load())


class _Columns(ast.NodeTransformer):
    """Replaces each column in a text by a valid Python name."""

    def __init__(self, name: Callable[[str], ast.Name], columns: Mapping[str, str]) -> None:
        self._name = name
        self._columns = columns

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return node if node.id in self._columns else self._name(node.id)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name):
            (argument,) = node.args if len(node.args) == 1 else (None,)
            text = argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None
            if node.func.id == "col" and text is not None:
                return self._name(text)
            if node.func.id == "date" and text is not None:
                return ast.Constant(text)
            raise ConditionError(f"calls {node.func.id}, which is not known in conditions")
        return self.generic_visit(node)


def _with_words(text: str) -> str:
    def tokens() -> Iterator[tuple[int, str]]:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            word = _AS_WORDS.get(token.string)
            yield (tokenize.NAME, word) if word and token.type == tokenize.OP else (token.type, token.string)

    return tokenize.untokenize(tokens())
