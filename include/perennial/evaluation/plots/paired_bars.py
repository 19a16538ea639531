"""Horizontal bars with intervals, the candidate's beside the champion's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from perennial.evaluation.plots.figures import CANDIDATE, CHAMPION
from perennial.evaluation.records import Interval

_HEIGHT = 0.38


def draw_pairs(
    axis: Axes, names: Sequence[str], candidate: Sequence[Interval], champion: Sequence[Interval] | None
) -> None:
    """Draw a bar with its interval for each model and name, the first on top.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    names : sequence of str
    candidate : sequence of Interval
        One for each name. An interval that is not known is not drawn.
    champion : sequence of Interval or None
        None: there is no champion beside it.
    """
    models = [("candidate", CANDIDATE, candidate)]
    if champion is not None:
        models.append(("champion", CHAMPION, champion))
    places = np.arange(len(names))
    for number, (model, style, intervals) in enumerate(models):
        axis.barh(
            places + (number - (len(models) - 1) / 2) * _HEIGHT,
            [one.value for one in intervals],
            _HEIGHT,
            xerr=np.array([_reach(one) for one in intervals]).T,
            color=style["color"],
            alpha=0.75,
            error_kw={"ecolor": "#333333", "elinewidth": 1, "capsize": 2},
            label=model,
        )
    axis.set_yticks(places, names, fontsize=9)
    axis.margins(y=0.02)
    axis.invert_yaxis()


def _reach(interval: Interval) -> tuple[float, float]:
    reach = (interval.value - interval.low, interval.high - interval.value)
    return reach if np.isfinite(reach).all() else (0.0, 0.0)
