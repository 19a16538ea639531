"""Describe in words what changed."""

from __future__ import annotations

import numpy as np

from perennial.drift.columns.report import Direction
from perennial.drift.statistics.chi_square import Comparison
from perennial.drift.statistics.ecdf import Distance, Ecdf
from perennial.drift.statistics.floats import Floats
from perennial.drift.statistics.labels import Labels

_SLIGHT, _STRONG = 0.1, 0.25


def describe_distance(distance: Distance, reference: Ecdf, batch: Floats) -> tuple[Direction, str]:
    """Return the direction of a Kolmogorov-Smirnov distance and a sentence with its size; `batch` is ascending."""
    if distance.numerator == 0:
        return "none", "the same distribution"
    direction = _direction(distance)
    quarters = [batch[min(batch.size - 1, int(batch.size * share))] for share in (0.25, 0.5, 0.75)]
    if direction in ("higher", "lower"):
        moved = f"median {reference.quantile(0.5):.4g}, now {quarters[1]:.4g}"
    else:
        middle = f"{reference.quantile(0.25):.4g} to {reference.quantile(0.75):.4g}"
        moved = f"middle half {middle}, now {quarters[0]:.4g} to {quarters[2]:.4g}"
    before = reference.share_upto(distance.location)
    now = float(np.searchsorted(batch, distance.location, side="right") / batch.size)
    place = f"{before:.0%} were at most {distance.location:.4g}, now {now:.0%}"
    return direction, f"{_size(distance.statistic)} {direction} (D {distance.statistic:.3f}): {moved}; {place}"


def describe_shares(comparison: Comparison, reference: Labels, current: Labels) -> tuple[Direction, str]:
    """Return the direction of a change of shares and a sentence that names the value that changed most."""
    if comparison.effect == 0:
        return "none", "the same shares"
    most = int(np.abs(comparison.current - comparison.reference).argmax())
    before, now = comparison.reference[most], comparison.current[most]
    others = "rare and new values" if comparison.reference[-1] > 0 else "new values"
    name = f"'{comparison.cells[most]}'" if most < len(comparison.cells) else others
    sentence = (
        f"{_size(comparison.effect)} different shares ({comparison.effect:.3f}): {name} {before:.1%}, now {now:.1%}"
    )
    if comparison.unseen:
        more = ", ..." if len(comparison.unseen) > 3 else ""
        named = ", ".join(f"'{value}'" for value in comparison.unseen[:3])
        sentence += f"; new: {named}{more} ({comparison.unseen_rows:,} rows)"
    if not (reference.numeric and current.numeric):
        return "shares", sentence
    change = current.mean() - reference.mean()
    return ("higher" if change > 0 else "lower" if change < 0 else "shares"), sentence


def _direction(distance: Distance) -> Direction:
    """Return one direction if the other difference is less than half as large; otherwise wider or narrower."""
    if distance.lower < distance.higher / 2:
        return "higher"
    if distance.higher < distance.lower / 2:
        return "lower"
    return "wider" if distance.lower_at < distance.higher_at else "narrower"


def _size(effect: float) -> str:
    return "slightly" if effect < _SLIGHT else "clearly" if effect < _STRONG else "strongly"
