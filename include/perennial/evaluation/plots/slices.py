"""The worst slices: the candidate's figures with their intervals beside the champion's."""

from __future__ import annotations

import numpy as np

from perennial.evaluation.plots.figures import panels, shown, to_png
from perennial.evaluation.plots.paired_bars import draw_pairs
from perennial.evaluation.records import SliceFigures, Slices

MOST_DRAWN = 20


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
    champion = [one.champion for one in drawn if one.champion is not None]
    draw_pairs(axis, [_label(one, slices.level) for one in drawn], [one.candidate for one in drawn], champion or None)
    axis.set(xlabel=f"{slices.metric}, with 95% intervals")
    ends = [end for one in drawn for each in (one.candidate, one.champion) if each for end in (each.low, each.high)]
    known = np.array([end for end in ends if np.isfinite(end)])
    if known.size:
        room = 0.05 * max(np.ptp(known), 1e-9)
        axis.set_xlim(known.min() - room, known.max() + room)
    figure.suptitle(f"The {len(drawn)} worst of {slices.judged:,} slices", fontsize=13)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return {"slices.png": to_png(figure)}


def _label(figures: SliceFigures, level: float) -> str:
    beyond = figures.is_worse(level) or figures.misses_floor(level)
    return f"{shown(figures.name)} ({figures.rows:,}{', beyond chance' if beyond else ''})"
