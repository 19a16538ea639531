"""Measures how much a model's treatment of groups differs: the metrics of Fairlearn, with intervals for each group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from perennial.evaluation.blocks import Ints
from perennial.evaluation.classification import LabelledRows
from perennial.evaluation.contributions import contributions, widest
from perennial.evaluation.judged import Judged
from perennial.evaluation.metrics import answered_rows
from perennial.evaluation.records import GroupFigures, GroupsOf, Interval
from perennial.evaluation.reweighted import Floats, Reweighted
from perennial.evaluation.slices.cut import Slice, cut
from perennial.evaluation.undefined import Undefined
from perennial.models.predictions import Predictions
from perennial.spec import ModelSpec
from perennial.spec.fairness import RATES, FairnessMetric, FairnessSection

_Parts = dict[str, tuple[Floats, Floats]]
"""Rate -> what each row adds to it, and by how much it counts, each of shape (n,)."""


def measure_fairness(spec: ModelSpec, asked: FairnessSection, judged: Judged) -> tuple[GroupsOf, ...]:
    """Measure rates of each group, and the largest difference of each between two groups of a column.

    The rates are the share of rows predicted as the positive label (`selection_rate`), the same among rows that have it
    (`true_positive_rate`) and that do not (`false_positive_rate`), and the share of wrong labels or, for a regression, the
    mean absolute error (`error`). A metric is the difference between the highest and the lowest rate; of equalized odds
    the larger of both (Agarwal et al., 2018, as in Fairlearn).

    Parameters
    ----------
    spec : ModelSpec
    asked : FairnessSection
    judged : Judged
        The rows have event time, the sensitive columns and, if the spec names one, the entity.

    Returns
    -------
    tuple of GroupsOf
        One for each sensitive column, in the order of the spec.
    """
    parts = [_parts(spec, judged, model) for model in judged.models]
    return tuple(_of_column(column, spec, asked, judged, parts) for column in asked.columns)


def _of_column(
    column: str, spec: ModelSpec, asked: FairnessSection, judged: Judged, parts: Sequence[_Parts]
) -> GroupsOf:
    slices, _ = cut(judged.rows, [(column,)], asked.quantiles)
    large = [one for one in slices if one.rows.sum() >= asked.min_rows]
    blocks = judged.blocks(spec)
    by_model = [[_rates(of_model, one, blocks) for one in large] for of_model in parts]
    groups = [
        GroupFigures(
            name=one.name, rows=int(one.rows.sum()), candidate=rates[0], champion=rates[1] if rates[1:] else None
        )
        for one, *rates in zip(large, *by_model, strict=True)
    ]
    differences = [{name: _difference(name, rates) for name in asked.maximum} for rates in by_model]
    return GroupsOf(
        column=column,
        groups=tuple(groups),
        candidate=differences[0],
        champion=differences[1] if differences[1:] else None,
        too_few_rows=len(slices) - len(large),
    )


def _parts(spec: ModelSpec, judged: Judged, model: Predictions) -> _Parts:
    """Return the rates' parts of all rows; without a positive label, only those of the error."""
    try:
        rows = answered_rows(spec, judged.truth, model, judged.labels, judged.weights)
    except Undefined:
        return {}
    count = np.ones(len(judged.truth)) if judged.weights is None else judged.weights
    if not isinstance(rows, LabelledRows):
        return {"error": (np.abs(rows.truth - rows.predicted), count)}
    parts: _Parts = {"error": ((rows.truth != rows.predicted).astype(np.float64), count)}
    if rows.binary and rows.positive is not None:
        said = (rows.predicted == rows.positive).astype(np.float64)
        has_it = (rows.truth == rows.positive).astype(np.float64)
        parts["selection_rate"] = (said, count)
        parts["true_positive_rate"] = (said, count * has_it)
        parts["false_positive_rate"] = (said, count * (1 - has_it))
    return parts


def _rates(parts: _Parts, group: Slice, blocks: Sequence[Ints]) -> dict[str, Interval]:
    return {
        name: _rate(added[group.rows], counted[group.rows], [block[group.rows] for block in blocks])
        for name, (added, counted) in parts.items()
    }


def _rate(added: Floats, counted: Floats, blocks: Sequence[Ints]) -> Interval:
    if not counted.any():
        return Interval(value=math.nan, low=math.nan, high=math.nan)
    return widest(
        [contributions(_ratio(added * counted, counted, block), block, int(block.max()) + 1) for block in blocks]
    )


def _ratio(values: Floats, counted: Floats, block: Ints) -> Reweighted:
    sums, counts = np.bincount(block, weights=values), np.bincount(block, weights=counted)
    return lambda weights: np.asarray((weights @ sums) / (weights @ counts))


def _difference(metric: FairnessMetric, groups: Sequence[Mapping[str, Interval]]) -> float:
    """Return the largest difference between two groups; NaN if a rate is defined for fewer than two."""
    differences = []
    for rate in RATES[metric]:
        values = [of_group[rate].value for of_group in groups if rate in of_group]
        defined = [value for value in values if math.isfinite(value)]
        differences.append(max(defined) - min(defined) if len(defined) > 1 else math.nan)
    return float(np.max(differences))
