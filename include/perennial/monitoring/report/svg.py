"""The report's figures: plain SVG in the page's own colours. The same data give the same bytes."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_WIDTH = 560
_LEFT, _RIGHT = 46, 14
_SAMPLES = 240
_LEAST_SHARE, _LAST_SHARE = 0.005, 0.995
_LONGEST_LABEL = 22
# Differences between larger numbers overflow; for smaller ranges, there are no round numbers between the ends.
_LARGEST, _LEAST_EXTENT = 1e300, 1e-290


@dataclass(frozen=True)
class Steps:
    """A distribution function: `shares[i]` is the share at or below `values[i]`. Both ascend; values are finite."""

    values: Floats
    shares: Floats

    @classmethod
    def of(cls, values: Floats, shares: Floats) -> Steps:
        """Keep the finite values; the share of minus infinity stays included in the shares."""
        finite = np.isfinite(values)
        return cls(values[finite], shares[finite])

    @classmethod
    def of_rows(cls, values: Floats) -> Steps:
        """Return the distribution of rows, without missing values."""
        ordered = np.sort(values[~np.isnan(values)])
        return cls.of(ordered, np.arange(1, ordered.size + 1) / max(1, ordered.size))

    def at(self, places: Floats) -> Floats:
        """Return the share at or below each place."""
        return self._share(np.searchsorted(self.values, places, side="right"))

    def below(self, place: float) -> float:
        """Return the share strictly below a place."""
        return float(self._share(np.searchsorted(self.values, [place], side="left"))[0])

    def quantile(self, share: float) -> float:
        """Return the first value with at least this share at or below it."""
        return float(self.values[min(int(np.searchsorted(self.shares, share)), self.values.size - 1)])

    def _share(self, positions: npt.NDArray[np.intp]) -> Floats:
        return np.concatenate([[0.0], self.shares])[positions]


@dataclass(frozen=True)
class Scale:
    """Converts numbers to positions in the figure."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Return the position of a number."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Return round numbers within the range."""
        rough = (self.high - self.low) / about
        magnitude = 10.0 ** math.floor(math.log10(rough))
        step = next(magnitude * m for m in (1, 2, 5, 10) if magnitude * m >= rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def draw_distributions(reference: Steps, batch: Steps, *, location: float | None, distance: float | None) -> str:
    """Draw both distribution functions, and D where they are farthest apart.

    Parameters
    ----------
    reference, batch : Steps
    location, distance : float or None
        Value at which D occurs, and D; None: the column was not tested.
    """
    x = _x_scale([reference, batch], location)
    y = Scale(0, 1, 190, 12)
    parts = [_grid_y(y, [0, 0.25, 0.5, 0.75, 1], percent=True), _grid_x(x, 190)]
    places = np.linspace(x.low, x.high, _SAMPLES + 1)
    for steps, kind in ((reference, "ref"), (batch, "now")):
        parts.append(_line(_points(places, steps.at(places), x, y), kind))
    if location is not None and distance is not None and math.isfinite(location):
        parts.append(_distance_mark(reference, batch, location, distance, x, y))
    return _svg(222, "Share of rows at or below each value, before and now", parts)


def draw_shares(rows: Sequence[tuple[str, float, float]]) -> str:
    """Draw two bars for each value: its share in the reference, and now."""
    left = min(160, 24 + 7 * max((len(label) for label, _, _ in rows), default=0))
    most = max([share for _, before, now in rows for share in (before, now)], default=0.0)
    x = Scale(0, most or 1.0, left, _WIDTH - 104)
    parts = []
    for number, (label, before, now) in enumerate(rows):
        top = 6 + 26 * number
        parts.append(_text(left - 8, top + 14, _short(label), anchor="end"))
        for offset, share, kind in ((0, before, "ref"), (10, now, "now")):
            width = x(share) - left
            parts.append(f'<rect class="{kind}" x="{left}" y="{top + offset}" width="{width:.1f}" height="9"/>')
        parts.append(_text(_WIDTH - 4, top + 14, f"{before:.1%} → {now:.1%}", anchor="end"))
    return _svg(10 + 26 * len(rows), "Share of rows with each value, before and now", parts)


def draw_losses(
    losses: Floats,
    statistic: Floats,
    *,
    center: float,
    threshold: float,
    detections: Iterable[int],
    ends: tuple[str, str],
) -> str:
    """Draw the mean loss along the rows, and below it Page-Hinkley's statistic, its threshold and its detections.

    Parameters
    ----------
    losses, statistic : array of shape (n,)
        In the order of the rows; NaN for rows that were not used.
    center : float
        Mean loss on the champion's holdout.
    threshold : float
    detections : iterable of int
        Rows of the detections, from 0.
    ends : tuple of str
        Event times of the first and the last row, in words.
    """
    width = 2 * _WIDTH
    x = Scale(0, max(1, len(losses) - 1), _LEFT, width - _RIGHT)
    middles, means, highest = _binned(losses, statistic)
    y_loss = _y_scale(np.append(means, center), 100, 22)
    y_statistic = _y_scale(np.append(highest, [0.0, 1.1 * threshold]), 262, 150)
    parts = [
        _text(_LEFT, 12, "mean loss", kind="caption"),
        _grid_y(y_loss, y_loss.ticks(3), width=width),
        _line([(_LEFT, y_loss(center)), (width - _RIGHT, y_loss(center))], "ref"),
        _text(width - _RIGHT, y_loss(center) - 4, f"holdout {center:.3g}", anchor="end"),
        _line(_points(middles, means, x, y_loss), "now"),
        _text(_LEFT, 140, "Page-Hinkley's statistic", kind="caption"),
        _grid_y(y_statistic, y_statistic.ticks(3), width=width),
        _line([(_LEFT, y_statistic(threshold)), (width - _RIGHT, y_statistic(threshold))], "limit"),
        _text(width - _RIGHT, y_statistic(threshold) - 4, f"threshold {threshold:,.4g}", anchor="end"),
        _line(_points(middles, highest, x, y_statistic), "now"),
        _grid_x(x, 262, top=22),
        _text(_LEFT, 294, ends[0]),
        _text(width - _RIGHT, 294, ends[1], anchor="end"),
        _text(width / 2, 294, "rows whose labels have matured, by event time", anchor="middle"),
        *(_detection(x(row), y_statistic(threshold), row) for row in detections),
    ]
    return _svg(300, "Mean loss and Page-Hinkley's statistic along the rows", parts, width=width)


def _distance_mark(reference: Steps, batch: Steps, location: float, distance: float, x: Scale, y: Scale) -> str:
    """Draw D between the two functions; if they differ by D just below the value, at the shares below it."""
    at = np.array([location])
    upto = (float(reference.at(at)[0]), float(batch.at(at)[0]))
    below = (reference.below(location), batch.below(location))
    far = upto if abs(upto[0] - upto[1]) >= abs(below[0] - below[1]) else below
    low, high = min(far), max(far)
    place = x(location)
    on_the_right = place < (x.start + x.stop) / 2
    label = f"D {distance:.3f} at {location:,.4g}"
    return (
        f'<line class="mark" x1="{place:.1f}" x2="{place:.1f}" y1="{y(low):.1f}" y2="{y(high):.1f}"/>'
        f'<circle class="mark" cx="{place:.1f}" cy="{y(low):.1f}" r="3"/>'
        f'<circle class="mark" cx="{place:.1f}" cy="{y(high):.1f}" r="3"/>'
        + _text(
            place + (9 if on_the_right else -9),
            y((low + high) / 2) + 4,
            label,
            kind="mark",
            anchor="start" if on_the_right else "end",
        )
    )


def _detection(place: float, height: float, row: int) -> str:
    return (
        f'<line class="mark" x1="{place:.1f}" x2="{place:.1f}" y1="22" y2="262"/>'
        f'<circle class="mark" cx="{place:.1f}" cy="{height:.1f}" r="4"/>'
        + _text(place + 8, 158, f"found at row {row + 1:,}", kind="mark")
    )


def _binned(losses: Floats, statistic: Floats) -> tuple[Floats, Floats, Floats]:
    """Return rows, mean losses and highest statistics of at most 240 groups of consecutive rows."""
    edges = np.unique(np.linspace(0, losses.size, min(losses.size, _SAMPLES) + 1).astype(np.int64))
    starts, counts = edges[:-1], np.diff(edges)
    known = np.isfinite(losses)
    sums = np.add.reduceat(np.where(known, losses, 0.0), starts)
    numbers = np.add.reduceat(known.astype(np.float64), starts)
    means = np.divide(sums, numbers, out=np.full(sums.size, np.nan), where=numbers > 0)
    highest = np.fmax.reduceat(statistic, starts)
    return starts + (counts - 1) / 2, means, highest


def _x_scale(distributions: Iterable[Steps], location: float | None) -> Scale:
    filled = [steps for steps in distributions if steps.values.size]
    ends = [steps.quantile(share) for steps in filled for share in (_LEAST_SHARE, _LAST_SHARE)]
    if location is not None and math.isfinite(location):
        ends.append(location)
    low, high = min(ends, default=0.0), max(ends, default=0.0)
    return Scale(*_apart(low, high), _LEFT, _WIDTH - _RIGHT)


def _y_scale(figures: Floats, start: float, stop: float) -> Scale:
    known = figures[np.isfinite(figures)]
    low, high = _apart(float(known.min(initial=np.inf)), float(known.max(initial=-np.inf)))
    margin = 0.05 * (high - low)
    return Scale(low if low == 0 else low - margin, high + margin, start, stop)


def _apart(low: float, high: float) -> tuple[float, float]:
    """Return a range with a positive size that does not overflow."""
    low, high = (min(max(end, -_LARGEST), _LARGEST) for end in (low, high))
    resolution = 1e-9 * max(abs(low), abs(high))
    if high - low > max(resolution, _LEAST_EXTENT):
        return low, high
    half = max(0.5, resolution)
    return low - half, low + half


def _points(places: Floats, figures: Floats, x: Scale, y: Scale) -> list[tuple[float, float]]:
    """Return the points of the line, without those in the middle of horizontal parts."""
    known = np.isfinite(figures)
    points = [
        (x(place), y(figure)) for place, figure in zip(places[known].tolist(), figures[known].tolist(), strict=True)
    ]
    levels = [f"{height:.1f}" for _, height in points]
    last = len(points) - 1
    return [
        point
        for number, point in enumerate(points)
        if number in (0, last) or not levels[number - 1] == levels[number] == levels[number + 1]
    ]


def _line(points: Sequence[tuple[float, float]], kind: str) -> str:
    return f'<polyline class="{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def _grid_y(y: Scale, ticks: Iterable[float], *, percent: bool = False, width: int = _WIDTH) -> str:
    return "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        + _text(_LEFT - 6, y(tick) + 4, f"{tick:.0%}" if percent else _figure(tick), anchor="end")
        for tick in ticks
    )


def _grid_x(x: Scale, bottom: int, *, top: int = 12) -> str:
    return "".join(
        f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top}" y2="{bottom + 4}"/>'
        + _text(x(tick), bottom + 17, _figure(tick), anchor="middle")
        for tick in x.ticks(6)
    )


def _text(x: float, y: float, content: str, *, kind: str = "tick", anchor: str = "start") -> str:
    # Control characters could reverse or hide neighbouring text.
    plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in content)
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(plain)}</text>'


def _figure(value: float) -> str:
    rounded = round(value, 12)
    return f"{rounded:,.0f}" if float(rounded).is_integer() and abs(rounded) < 1e9 else f"{rounded:.4g}"


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


def _svg(height: int, title: str, parts: Iterable[str], *, width: int = _WIDTH) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(title)}">' + "".join(parts) + "</svg>"
    )
