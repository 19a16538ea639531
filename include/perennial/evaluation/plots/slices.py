"""The worst slices: the candidate's figures with their intervals beside the champion's."""

from __future__ import annotations

import numpy as np

from perennial.evaluation.plots.figures import CANDIDATE, CHAMPION, panels, shown, to_png
from perennial.evaluation.records import Interval, SliceFigures, Slices

MOST_DRAWN = 20
_HEIGHT = 0.38


def draw_slices(slices: Slices) -> dict[str, bytes]:
    """Draw a bar with an interval for each model in each of the worst slices, at most 20.

    Returns
    -------
    dict of str to bytes
        `slices.png`, or nothing if no slice was judged.
    """
    drawn = slices.found[:MOST_DRAWN]
    if not drawn:
        return {}
    figure, (axis,) = panels(1)
    figure.set_size_inches(9, 1.6 + 0.42 * len(drawn))
    models = {"candidate": (CANDIDATE, [one.candidate for one in drawn])}
    if drawn[0].champion is not None:
        models["champion"] = (CHAMPION, [one.champion for one in drawn if one.champion is not None])
    places = np.arange(len(drawn))
    for number, (name, (style, intervals)) in enumerate(models.items()):
        axis.barh(
            places + (number - (len(models) - 1) / 2) * _HEIGHT,
            [one.value for one in intervals],
            _HEIGHT,
            xerr=np.array([_reach(one) for one in intervals]).T,
            color=style["color"],
            alpha=0.75,
            error_kw={"ecolor": "#333333", "elinewidth": 1, "capsize": 2},
            label=name,
        )
    axis.set_yticks(places, [_label(one, slices.level) for one in drawn], fontsize=9)
    axis.margins(y=0.02)
    axis.invert_yaxis()
    axis.set(xlabel=f"{slices.metric}, with 95% intervals")
    ends = [end for one in drawn for each in (one.candidate, one.champion) if each for end in (each.low, each.high)]
    known = np.array([end for end in ends if np.isfinite(end)])
    if known.size:
        room = 0.05 * max(np.ptp(known), 1e-9)
        axis.set_xlim(known.min() - room, known.max() + room)
    figure.suptitle(f"The {len(drawn)} worst of {slices.judged:,} slices", fontsize=13)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return {"slices.png": to_png(figure)}


def _reach(interval: Interval) -> tuple[float, float]:
    reach = (interval.value - interval.low, interval.high - interval.value)
    return reach if np.isfinite(reach).all() else (0.0, 0.0)


def _label(figures: SliceFigures, level: float) -> str:
    beyond = figures.is_worse(level) or figures.misses_floor(level)
    return f"{shown(figures.name)} ({figures.rows:,}{', beyond chance' if beyond else ''})"
