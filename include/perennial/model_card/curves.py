"""Partial dependence as SVG: a line for each label."""

from __future__ import annotations

from markupsafe import Markup, escape

from perennial.explanations.records import Dependence
from perennial.model_card.axis import Axis, shortened

_WIDTH, _HEIGHT = 340, 245
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 42, 46
_LONGEST = 12


def draw_dependence(one: Dependence) -> Markup:
    """Draw the mean predictions over a feature's values: by their size, or one beside the other if they are no numbers."""
    places = one.numbers or tuple(map(float, range(len(one.values))))
    across = Axis.over(places, _LEFT, _WIDTH - _RIGHT)
    up = Axis.over([mean for means in one.curves.values() for mean in means], _HEIGHT - _BOTTOM, _TOP)
    parts = [f'<svg class="curves" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(one.feature)}">']
    parts.append(f'<text class="title" x="{_LEFT}" y="14">{escape(shortened(one.feature, 3 * _LONGEST))}</text>')
    for value, said in up.ticks:
        y = up.at(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{said}</text>')
    below = _HEIGHT - _BOTTOM + 16
    if one.numbers:
        parts += [
            f'<text x="{across.at(value):.1f}" y="{below}" text-anchor="middle">{said}</text>'
            for value, said in across.ticks
        ]
    else:
        for place, text in zip(places, one.values, strict=True):
            x, said = across.at(place), escape(shortened(text, _LONGEST))
            parts.append(
                f'<text x="{x:.1f}" y="{below}" text-anchor="end" transform="rotate(-25 {x:.1f} {below})">{said}</text>'
            )
    for number, (label, means) in enumerate(one.curves.items()):
        points = [(across.at(place), up.at(mean)) for place, mean in zip(places, means, strict=True)]
        if one.numbers:
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline class="curve{number}" points="{line}"/>')
        parts += [f'<circle class="curve{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
        left = _LEFT + number * (_WIDTH - _LEFT) / len(one.curves)
        parts.append(f'<text class="curve{number}" x="{left:.1f}" y="31">{escape(shortened(label, _LONGEST))}</text>')
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - all texts are escaped
