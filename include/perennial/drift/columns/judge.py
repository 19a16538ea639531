"""Decide from the columns' p-values and effects which of them drifted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perennial.drift.charts.chart_state import Ordinary
from perennial.drift.columns.report import ColumnDrift, DriftReport
from perennial.drift.statistics.multiple_testing import benjamini_hochberg


def judge(
    columns: Sequence[ColumnDrift],
    *,
    level: float,
    effect_floor: float = 0.0,
    ordinary: Mapping[str, Ordinary] | None = None,
) -> DriftReport:
    """Adjust all p-values of a test together, and decide which columns drifted.

    The test of a column's values and that of its missing values count as two tests; the latter only if values are
    missing.

    Parameters
    ----------
    columns : sequence of ColumnDrift
        Results of the tests, with p-values that are not adjusted, and without a decision.
    level : float
        Probability of any false alarm in a test in which no column changed.
    effect_floor : float
        Smallest effect (D, or a difference of shares) that counts, however significant.
    ordinary : mapping of str to Ordinary, optional
        What is ordinary for each column: decides in the place of p and floor, which are reported all the same. A column
        that is not among them drifts only if it is broken.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is a probability between 0 and 1, such as 0.05; got {level}")
    if not 0 <= effect_floor < 1:
        raise ValueError(f"effect_floor is a distance from 0 to under 1, such as 0.1; got {effect_floor}")
    values = [column for column in columns if column.pvalue is not None]
    missing = [column for column in columns if column.missing.reference or column.missing.current]
    family = [float(column.pvalue or 0.0) for column in values] + [column.missing.pvalue for column in missing]
    adjusted = benjamini_hochberg(family).tolist()
    of_values = dict(zip((column.column for column in values), adjusted, strict=False))
    of_missing = dict(zip((column.column for column in missing), adjusted[len(values) :], strict=True))
    adjusted_columns = [_adjusted(c, of_values.get(c.column), of_missing.get(c.column)) for c in columns]
    judged = [
        _by_size(column, level, effect_floor) if ordinary is None else _by_chart(column, ordinary.get(column.column))
        for column in adjusted_columns
    ]
    return DriftReport(
        level=level, effect_floor=effect_floor if ordinary is None else None, columns=tuple(map(_told, judged))
    )


def _adjusted(column: ColumnDrift, of_values: float | None, of_missing: float | None) -> ColumnDrift:
    missing = (
        column.missing if of_missing is None else column.missing.model_copy(update={"adjusted_pvalue": of_missing})
    )
    return column.model_copy(update={"adjusted_pvalue": of_values, "missing": missing})


def _by_size(column: ColumnDrift, level: float, floor: float) -> ColumnDrift:
    missing, pvalue = column.missing, column.adjusted_pvalue
    moved = abs(missing.current - missing.reference) >= floor
    counted = bool(missing.current or missing.reference)
    return _drifted(
        column,
        values=pvalue is not None and pvalue < level and (column.effect or 0.0) >= floor,
        missing=counted and missing.adjusted_pvalue < level and moved,
    )


def _by_chart(column: ColumnDrift, ordinary: Ordinary | None) -> ColumnDrift:
    drifted = _drifted(
        column,
        values=bool(column.broken) or (ordinary is not None and ordinary.exceeded),
        missing=ordinary is not None and ordinary.missing_exceeded,
    )
    return drifted.model_copy(update={"ordinary": ordinary})


def _drifted(column: ColumnDrift, *, values: bool, missing: bool) -> ColumnDrift:
    rate = column.missing
    broken = [column.broken] if column.broken and values else []
    if missing and rate.current > rate.reference:
        broken.append(f"missing values jumped from {rate.reference:.1%} to {rate.current:.1%}")
    return column.model_copy(
        update={
            "missing": rate.model_copy(update={"drifted": missing}),
            "drifted": values or missing,
            "broken": "; ".join(broken),
        }
    )


def _told(column: ColumnDrift) -> ColumnDrift:
    missing, ordinary = column.missing, column.ordinary
    untested = "values not tested" if missing.drifted else "not tested"
    parts = [column.sentence] if column.sentence else [f"{untested}: {column.reason}"]
    if missing.drifted:
        parts.append(f"missing values went from {missing.reference:.1%} to {missing.current:.1%}")
    if ordinary is not None and ordinary.exceeded:
        parts.append(f"{ordinary.distance:.2f} from the rows before, ordinary is up to {ordinary.limit:.2f}")
    if column.broken:
        parts.append("look at the source first" + ("" if missing.drifted else f": {column.broken}"))
    return column.model_copy(update={"sentence": "; ".join(parts)})
