"""The drawings on the page of a search, as SVG."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from perennial.tuning.space import CANDIDATE

_WIDTH, _HEIGHT, _EDGE = 720, 240, 56
_MOST_LINES = 200


def draw_history(scored: Mapping[int, FrozenTrial], won: int, *, less_is_better: bool) -> str:
    """Draw each trial's score by its place, with the best score so far as a line."""
    places = sorted(scored)
    scores = [scored[place].values[0] for place in places]
    better = min if less_is_better else max
    best = [better(scores[: number + 1]) for number in range(len(scores))]
    across, up = _scale(0, max(places[-1], 1), _EDGE, _WIDTH - 12), _scale(min(scores), max(scores), _HEIGHT - 26, 12)
    line = " ".join(f"{across(place):.1f},{up(score):.1f}" for place, score in zip(places, best, strict=True))
    parts = [
        f'<text x="{_EDGE - 8}" y="{up(score) + 4:.1f}" text-anchor="end">{score:.4g}</text>'
        for score in dict.fromkeys((min(scores), max(scores)))
    ]
    parts.append(f'<polyline class="best" points="{line}"/>')
    parts += [
        f'<circle class="{"won" if place == won else "trial"}" cx="{across(place):.1f}" cy="{up(score):.1f}" r="4">'
        f"<title>trial {place}: {score:.6g}</title></circle>"
        for place, score in zip(places, scores, strict=True)
    ]
    parts.append(f'<text x="{_EDGE}" y="{_HEIGHT - 6}">trials, from the first to the last</text>')
    return _svg("Scores of the trials", parts)


def draw_parallel(scored: Mapping[int, FrozenTrial], won: int, *, less_is_better: bool) -> str:
    """Draw the trials of the winner's candidate as lines over one axis for each parameter and one for the score.

    Empty if fewer than two trials or no parameters are left.
    """
    names = [name for name in scored[won].params if name != CANDIDATE]
    alike = {place: trial for place, trial in scored.items() if set(names) <= set(trial.params)}
    if len(alike) < 2 or not names:
        return ""
    scores = {place: trial.values[0] for place, trial in alike.items()}
    order = sorted(alike, key=lambda place: scores[place], reverse=not less_is_better)[:_MOST_LINES]
    columns = [_positions(name, alike) for name in names] + [_within(scores)]
    ends = [_ends(name, alike) for name in names] + [(f"{min(scores.values()):.4g}", f"{max(scores.values()):.4g}")]
    across = _scale(0, len(columns) - 1, _EDGE, _WIDTH - _EDGE)
    up = _scale(0, 1, _HEIGHT - 40, 24)
    parts = []
    # The winner last, so that its line lies over the others.
    for rank, place in reversed(list(enumerate(order))):
        points = " ".join(f"{across(x):.1f},{up(column[place]):.1f}" for x, column in enumerate(columns))
        kind = "won" if place == won else "good" if rank < len(order) / 4 else "trial"
        parts.append(f'<polyline class="{kind}" points="{points}"><title>trial {place}</title></polyline>')
    for x, (title, (low, high)) in enumerate(zip([*names, "score"], ends, strict=True)):
        at = f'x="{across(x):.1f}" text-anchor="middle"'
        parts.append(f'<line class="grid" x1="{across(x):.1f}" x2="{across(x):.1f}" y1="24" y2="{_HEIGHT - 40}"/>')
        parts.append(f'<text {at} y="14">{html.escape(high)}</text>')
        parts.append(f'<text {at} y="{_HEIGHT - 26}">{html.escape(low)}</text>')
        parts.append(f'<text {at} y="{_HEIGHT - 8}">{html.escape(title.rpartition(".")[2])}</text>')
    return _svg("Parameters and scores of the winner's candidate", parts)


def _positions(name: str, trials: Mapping[int, FrozenTrial]) -> dict[int, float]:
    """Return each trial's value of a parameter as a number from 0 to 1."""
    kind = next(iter(trials.values())).distributions[name]
    if isinstance(kind, CategoricalDistribution):
        last = max(len(kind.choices) - 1, 1)
        return {place: kind.choices.index(trial.params[name]) / last for place, trial in trials.items()}
    log = isinstance(kind, FloatDistribution | IntDistribution) and kind.log
    return _within({place: math.log(t.params[name]) if log else t.params[name] for place, t in trials.items()})


def _within(values: Mapping[int, float]) -> dict[int, float]:
    scale = _scale(min(values.values()), max(values.values()), 0, 1)
    return {place: scale(value) for place, value in values.items()}


def _ends(name: str, trials: Mapping[int, FrozenTrial]) -> tuple[str, str]:
    kind = next(iter(trials.values())).distributions[name]
    if isinstance(kind, CategoricalDistribution):
        return str(kind.choices[0]), str(kind.choices[-1])
    values = [trial.params[name] for trial in trials.values()]
    return f"{min(values):.4g}", f"{max(values):.4g}"


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Return the line that takes low to start and high to end; the middle for all, if low is high."""
    extent = high - low
    return lambda value: start + ((value - low) / extent if extent else 0.5) * (end - start)


def _svg(title: str, parts: Sequence[str]) -> str:
    drawing = "".join(parts)
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">{drawing}</svg>'
