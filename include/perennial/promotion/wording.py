"""Writes figures and their intervals for a verdict's sentences."""

from __future__ import annotations

import math

from perennial.evaluation.records import Comparison, Scores


def figures(*values: float) -> list[str]:
    """Write numbers with as many decimals, four or more, as are needed to tell them from each other and from 0."""
    distinct = {0.0, *values}
    decimals = 4
    while decimals < 16 and len({f"{value:.{decimals}f}" for value in distinct}) < len(distinct):
        decimals += 1
    return [f"{value:,.{decimals}f}" for value in values]


def why_undefined(scores: Scores, name: str) -> str:
    """Return why a metric has no value."""
    return f"{name} is undefined: {scores.undefined.get(name, 'it was not computed')}"


def by_how_much(comparison: Comparison) -> str:
    """Return in words by how much the candidate is better or worse, with the interval of the difference."""
    apart = comparison.difference
    (shown,) = figures(abs(apart))
    said = "no difference" if apart == 0 else f"{'better' if apart > 0 else 'worse'} by {shown}"
    if not math.isfinite(comparison.standard_error):
        return f"{said}, within an interval that is not known: {comparison.reason}"
    low, high = (f"{end:+,.{len(shown.partition('.')[2])}f}" for end in (comparison.low, comparison.high))
    return f"{said} ({low} to {high} at {100 * comparison.confidence:g}%)"
