"""Decide from the columns' p-values and effects which of them drifted."""

from __future__ import annotations

from collections.abc import Sequence

from perennial.drift.columns.report import ColumnDrift, DriftReport
from perennial.drift.statistics.multiple_testing import benjamini_hochberg


def judge(columns: Sequence[ColumnDrift], *, level: float, effect_floor: float) -> DriftReport:
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
    judged = [_judged(c, of_values.get(c.column), of_missing.get(c.column), level, effect_floor) for c in columns]
    return DriftReport(level=level, effect_floor=effect_floor, columns=tuple(judged))


def _judged(
    column: ColumnDrift, of_values: float | None, of_missing: float | None, level: float, floor: float
) -> ColumnDrift:
    missing = column.missing
    if of_missing is not None:
        moved = abs(missing.current - missing.reference) >= floor
        missing = missing.model_copy(update={"adjusted_pvalue": of_missing, "drifted": of_missing < level and moved})
    values_drifted = of_values is not None and of_values < level and (column.effect or 0.0) >= floor
    untested = "values not tested" if missing.drifted else "not tested"
    parts = [column.sentence] if column.sentence else [f"{untested}: {column.reason}"]
    if missing.drifted:
        parts.append(f"missing values went from {missing.reference:.1%} to {missing.current:.1%}")
    return column.model_copy(
        update={
            "adjusted_pvalue": of_values,
            "missing": missing,
            "drifted": values_drifted or missing.drifted,
            "sentence": "; ".join(parts),
        }
    )
