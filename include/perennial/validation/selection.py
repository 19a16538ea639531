"""Apply an expectation's `row_condition` to rows."""

from __future__ import annotations

import ast
from typing import Any

import pandas as pd

from perennial.spec.condition import Condition
from perennial.validation.meaning import Unclear, meant, meant_values
from perennial.validation.typed_rows import is_text, is_time

_EQUALITIES = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
_METHODS = ("isin", "between", "eq", "ne", "lt", "le", "gt", "ge")


def selected_rows(condition: Condition, rows: pd.DataFrame, time_zone: str | None) -> pd.Series:
    """Return which rows meet a condition, after converting its values to the types of the columns.

    Parameters
    ----------
    condition : Condition
    rows : pandas.DataFrame
        Rows in natural types; see `typed_rows`.
    time_zone : str or None
        Time zone of times without one; None: UTC.

    Returns
    -------
    pandas.Series of bool, shape (rows,)

    Raises
    ------
    Unclear
        The condition cannot be applied to these rows.
    """
    gone = [column for column in condition.columns.values() if column not in rows]
    if gone:
        raise Unclear(f"its row_condition names {', '.join(map(repr, gone))}, which the snapshot does not have")
    columns = {name: rows[column] for name, column in condition.columns.items()}
    literals = _Literals(columns, time_zone)
    expression = ast.unparse(literals.visit(ast.parse(ast.unparse(condition.tree), mode="eval").body))
    try:
        found = pd.eval(
            expression, parser="pandas", engine="python", resolvers=[{**columns, **literals.values}], local_dict={},
            global_dict={},
        )  # fmt: skip
    except Unclear:
        raise
    except Exception as error:  # pandas raises various errors for values that cannot be compared.
        raise Unclear(f"its row_condition cannot be applied to these rows ({type(error).__name__}: {error})") from error
    if not isinstance(found, pd.Series) or found.dtype != bool:
        raise Unclear("its row_condition is not true or false for each row")
    return found


class _Literals(ast.NodeTransformer):
    """Replaces each value that is compared with a column by a name; `values` maps names to converted values."""

    def __init__(self, columns: dict[str, pd.Series], time_zone: str | None) -> None:
        self.values: dict[str, Any] = {}
        self._columns = columns
        self._time_zone = time_zone

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        sides = [node.left, *node.comparators]
        for left, operator in enumerate(node.ops):
            for this, other in ((left, left + 1), (left + 1, left)):
                if isinstance(name := sides[this], ast.Name) and name.id in self._columns:
                    sides[other] = self._meant(name.id, sides[other], equality=isinstance(operator, _EQUALITIES))
        node.left, *node.comparators = sides
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        target = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(target, ast.Name) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            equality = node.func.attr == "isin"
            node.args = [self._meant(target.id, one, equality=equality) for one in node.args]
        return self.generic_visit(node)

    def _meant(self, name: str, node: ast.expr, *, equality: bool) -> ast.expr:
        try:
            value = ast.literal_eval(node)
        except ValueError:
            return node
        column = self._columns[name]
        several = isinstance(value, list | tuple | set)
        if several or (equality and is_text(column) and not isinstance(value, str)):
            value = meant_values(value if several else [value], column, self._time_zone)
        elif not is_text(column):
            value = meant(value, column, self._time_zone)
        if is_time(column) and isinstance(value, list):
            value = pd.DatetimeIndex(value)
        name = f"_value{len(self.values)}_"
        self.values[name] = value
        return ast.Name(name, ast.Load())
