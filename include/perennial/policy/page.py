"""The page of a backtest: self-contained HTML without scripts or network access, and the same content as JSON."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from perennial.layout import BACKTEST, BACKTEST_PAGE
from perennial.policy.records import Backtest, Difference, PolicyResult, Promise
from perennial.store.protocol import Store
from perennial.store.sealed import seal

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
_WIDTH, _ROW, _LEFT, _RIGHT = 720, 24, 300, 60


def write_backtest(store: Store, found: Backtest) -> str:
    """Write page and JSON, replacing earlier ones, and return the page's key."""
    store.write(BACKTEST.key(found.model, found.replay), seal(found))
    key = BACKTEST_PAGE.key(found.model, found.replay)
    store.write(key, render_backtest(found))
    return key


def render_backtest(found: Backtest) -> bytes:
    """Return the page, in UTF-8. The same results give the same bytes."""
    page = _PAGES.get_template("backtest.html.j2").render(
        found=found,
        policies=[(one, _label(one), *map(_effect, (one.on_never, one.on_always))) for one in found.policies],
        bars=_bars(found.policies),
        scatter=_scatter(found.promises),
        kept=sum(one.predicted > 0 and one.realised > 0 for one in found.promises),
        promised=sum(one.predicted > 0 for one in found.promises),
        figure=figure,
        decimals=_decimals,
    )
    return page.encode()


def figure(value: float) -> str:
    """Return a number as text for people, with four digits or all before the decimal point."""
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:#.4g}"


def with_error(effect: Difference) -> str:
    """Return a difference and its standard error as text, with the digits that the error leaves; or a dash."""
    mean, error = effect.mean, effect.standard_error
    if not math.isfinite(mean) or mean == 0 == error:
        return "–"
    if not math.isfinite(error) or error == 0:
        return f"{mean:+.2g}"
    places = max(0, 1 - math.floor(math.log10(error)))
    return f"{mean:+,.{places}f} ± {error:,.{places}f}"


def _decimals(value: float, places: int) -> str:
    return f"{value:,.{places}f}" if math.isfinite(value) else "–"


def _label(one: PolicyResult) -> str:
    return f"{one.title}, champions together" if one.together else one.title


def _effect(effect: Difference) -> tuple[str, str]:
    """Return a difference as text, and its style: better, worse, none, or '' if it is 0 by definition."""
    text = with_error(effect)
    if text == "–":
        return text, ""
    if not effect.detectable:
        return text, "none"
    return text, "better" if effect.mean > 0 else "worse"


def _bars(policies: Sequence[PolicyResult]) -> str:
    """Draw each policy's difference from `never`, with two standard errors to each side."""
    drawn = [one for one in policies if one.name != "never" and math.isfinite(one.on_never.mean)]
    reaches = [
        end
        for one in drawn
        for error in [one.on_never.standard_error if math.isfinite(one.on_never.standard_error) else 0.0]
        for end in (one.on_never.mean - 2 * error, one.on_never.mean + 2 * error)
    ]
    low, high = min([0.0, *reaches]), max([0.0, *reaches])
    extent = (high - low) or 1.0

    def x(value: float) -> float:
        return _LEFT + (value - low) / extent * (_WIDTH - _LEFT - _RIGHT)

    height = _ROW * len(drawn) + 26
    parts = [f'<line class="grid" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="4" y2="{height - 20}"/>']
    for row, one in enumerate(drawn):
        y, effect = 16 + row * _ROW, one.on_never
        error = 2 * effect.standard_error if math.isfinite(effect.standard_error) else 0.0
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">{html.escape(_label(one))}</text>')
        parts.append(
            f'<line class="whisker" x1="{x(effect.mean - error):.1f}" x2="{x(effect.mean + error):.1f}" y1="{y}" y2="{y}"/>'
        )
        parts.append(f'<circle class="{_kind(one)}" cx="{x(effect.mean):.1f}" cy="{y}" r="4.5"/>')
    parts.append(f'<text x="{x(0):.1f}" y="{height - 6}" text-anchor="middle">as never</text>')
    parts.append(f'<text x="{x(high):.1f}" y="{height - 6}" text-anchor="middle">{high:.2g} better</text>')
    return _svg(height, "How much better than never training again", parts)


def _kind(one: PolicyResult) -> str:
    return "together" if one.together else one.kind


def _scatter(promises: Sequence[Promise]) -> str:
    """Draw the realised difference for each predicted one; nothing if there are too few."""
    pairs = np.array([(one.predicted, one.realised) for one in promises], dtype=np.float64).reshape(-1, 2)
    known = np.asarray(np.isfinite(pairs).all(axis=1))
    if known.sum() < 2:
        return ""
    reach = float(np.abs(pairs[known]).max()) or 1.0
    size, edge = 420, 30

    def place(value: float) -> float:
        return edge + (value + reach) / (2 * reach) * (size - 2 * edge)

    parts = [
        f'<line class="grid" x1="{edge}" x2="{size - edge}" y1="{size / 2}" y2="{size / 2}"/>',
        f'<line class="grid" x1="{size / 2}" x2="{size / 2}" y1="{edge}" y2="{size - edge}"/>',
        f'<text x="{size - edge}" y="{size / 2 - 6}" text-anchor="end">better on the holdout</text>',
        f'<text x="{size / 2 + 6}" y="{edge}">better on the next batch</text>',
    ]
    for one, is_known in zip(promises, known.tolist(), strict=True):
        if is_known:
            kind = "calendar" if one.promoted else "rejected"
            x, y = place(one.predicted), size - place(one.realised)
            parts.append(
                f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{one.end:%Y-%m-%d}</title></circle>'
            )
    return _svg(size, "Predicted and realised differences", parts, width=size)


def _svg(height: float, title: str, parts: Sequence[str], *, width: int = _WIDTH) -> str:
    drawing = "".join(parts)
    return f'<svg viewBox="0 0 {width} {height:g}" role="img" aria-label="{html.escape(title)}">{drawing}</svg>'
