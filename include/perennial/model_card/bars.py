"""Figures with intervals as SVG, the candidate's above the champion's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from perennial.evaluation.records import Interval
from perennial.model_card.axis import Axis, shortened

_WIDTH, _LEFT, _RIGHT, _ROW, _BOTTOM = 720, 250, 20, 34, 26
_LONGEST = 36

Row = tuple[str, Interval, Interval | None]
"""Name, the candidate's figure, the champion's."""


def draw_intervals(rows: Sequence[Row], *, from_zero: bool = False) -> Markup:
    """Draw a dot with its interval for each figure; empty if none is known.

    Parameters
    ----------
    rows : sequence of Row
        The first on top.
    from_zero : bool
        The axis has 0.
    """
    ends = [end for _, *both in rows for one in both if one for end in (one.value, one.low, one.high)]
    if not any(math.isfinite(one.value) for _, one, _ in rows):
        return Markup("")
    axis = Axis.over([*ends, *([0.0] if from_zero else [])], _LEFT, _WIDTH - _RIGHT)
    x = axis.at
    height = _ROW * len(rows) + _BOTTOM
    parts = [f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Figures with 95% intervals">']
    for value, said in axis.ticks:
        parts.append(f'<line class="grid" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="0" y2="{height - _BOTTOM}"/>')
        parts.append(f'<text x="{x(value):.1f}" y="{height - 8}" text-anchor="middle">{said}</text>')
    if from_zero:
        parts.append(f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="0" y2="{height - _BOTTOM}"/>')
    for place, (name, candidate, champion) in enumerate(rows):
        middle = _ROW * (place + 0.5)
        parts.append(
            f'<text x="{_LEFT - 10}" y="{middle + 4:.1f}" text-anchor="end">{escape(shortened(name, _LONGEST))}</text>'
        )
        parts += _dot(x, candidate, middle - (5 if champion else 0), "candidate")
        parts += _dot(x, champion, middle + 6, "champion") if champion else []
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - all texts are escaped


def _dot(x: Callable[[float], float], one: Interval, y: float, who: str) -> list[str]:
    if not math.isfinite(one.value):
        return []
    parts = []
    if math.isfinite(one.low) and math.isfinite(one.high):
        parts.append(f'<line class="{who}" x1="{x(one.low):.1f}" x2="{x(one.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
    shape = f'<circle class="{who}" cx="{x(one.value):.1f}" cy="{y:.1f}" r="4.5"/>'
    square = f'<rect class="{who}" x="{x(one.value) - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'
    return [*parts, shape if who == "candidate" else square]
