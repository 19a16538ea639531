"""How each group is treated: the candidate's rates with their intervals beside the champion's."""

from __future__ import annotations

from collections.abc import Sequence

from perennial.evaluation.plots.figures import PANELS_A_ROW, panels, shown, to_png
from perennial.evaluation.plots.paired_bars import draw_pairs
from perennial.evaluation.records import GroupsOf

MOST_GROUPS = 12


def draw_fairness(fairness: Sequence[GroupsOf]) -> dict[str, bytes]:
    """Draw a panel for each rate of each sensitive column: a bar with an interval for each model and group.

    Returns
    -------
    dict of str to bytes
        `fairness.png`, or nothing if no column has two groups. Of more than 12 groups the largest are drawn.
    """
    drawn = [(found, rate) for found in fairness if len(found.groups) > 1 for rate in found.groups[0].candidate]
    if not drawn:
        return {}
    figure, axes = panels(len(drawn))
    rows = -(-len(drawn) // PANELS_A_ROW)
    groups = max(min(len(found.groups), MOST_GROUPS) for found, _ in drawn)
    figure.set_size_inches(5 * min(len(drawn), PANELS_A_ROW), 0.6 + rows * (1.2 + 0.42 * groups))
    for axis, (found, rate) in zip(axes, drawn, strict=True):
        largest = sorted(found.groups, key=lambda group: -group.rows)[:MOST_GROUPS]
        champion = [group.champion[rate] for group in largest if group.champion and rate in group.champion]
        names = [f"{shown(group.name)} ({group.rows:,})" for group in largest]
        both = champion if len(champion) == len(largest) else None
        draw_pairs(axis, names, [group.candidate[rate] for group in largest], both)
        axis.set_title(rate.replace("_", " "), fontsize=10)
        axis.set_xlim(left=0)
    figure.suptitle("Groups, with 95% intervals", fontsize=13)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return {"fairness.png": to_png(figure)}
