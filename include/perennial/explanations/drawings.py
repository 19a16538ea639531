"""The pictures of explanations, as PNG."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from perennial.evaluation.plots.figures import CANDIDATE, panels, shown, to_png
from perennial.evaluation.plots.paired_bars import draw_pairs
from perennial.evaluation.records import Interval
from perennial.explanations.records import PREDICTION, Dependence, Explanations, Importance, ShapImportance

MOST_DRAWN = 20
_UNKNOWN = Interval(value=np.nan, low=np.nan, high=np.nan)


def draw_explanations(found: Explanations) -> dict[str, bytes]:
    """Draw what was measured: file name -> PNG."""
    return {
        **({"importances.png": _importances(found.metric, found.importances)} if found.importances else {}),
        **({"shap.png": _shap(found.shap, found.shap_of)} if found.shap else {}),
        **({"dependence.png": _dependences(found.dependence)} if found.dependence else {}),
    }


def _importances(metric: str, importances: Sequence[Importance]) -> bytes:
    drawn = importances[:MOST_DRAWN]
    figure, (axis,) = panels(1)
    figure.set_size_inches(9, 1.6 + 0.42 * len(drawn))
    champion = [one.champion or _UNKNOWN for one in drawn]
    there = any(one.champion for one in drawn)
    draw_pairs(axis, [shown(one.name) for one in drawn], [one.candidate for one in drawn], champion if there else None)
    axis.axvline(0, color="#767676", linewidth=0.8)
    axis.set(xlabel=f"by how much {metric} gets worse without it, with 95% intervals")
    figure.suptitle("What the model relies on", fontsize=13)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return to_png(figure)


def _shap(importances: Sequence[ShapImportance], of: str) -> bytes:
    drawn = importances[:MOST_DRAWN]
    figure, (axis,) = panels(1)
    figure.set_size_inches(9, 1.4 + 0.3 * len(drawn))
    axis.barh(np.arange(len(drawn)), [one.size for one in drawn], color=CANDIDATE["color"], alpha=0.75)
    axis.set_yticks(np.arange(len(drawn)), [shown(one.name) for one in drawn], fontsize=9)
    axis.invert_yaxis()
    axis.set(xlabel=f"mean size of the SHAP values of {of}")
    figure.suptitle("SHAP values", fontsize=13)
    return to_png(figure)


def _dependences(dependences: Sequence[Dependence]) -> bytes:
    figure, axes = panels(len(dependences))
    for one, axis in zip(dependences, axes, strict=True):
        _dependence(axis, one)
    figure.suptitle("The mean prediction if all rows had the same value", fontsize=13)
    return to_png(figure)


def _dependence(axis: Axes, one: Dependence) -> None:
    ordered = one.numbers or tuple(range(len(one.values)))
    for label, means in one.curves.items():
        axis.plot(ordered, means, marker="o", markersize=3, label=shown(label))
    if not one.numbers:
        axis.set_xticks(ordered, [shown(value) for value in one.values], rotation=45, ha="right", fontsize=8)
    axis.set(xlabel=shown(one.feature), ylabel="number" if PREDICTION in one.curves else "probability")
    if len(one.curves) > 1 or PREDICTION not in one.curves:
        axis.legend(fontsize=8, frameon=False, title="label", title_fontsize=8)
