"""Folds on the calendar, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from perennial.data.folds import Fold
from perennial.evaluation.plots.figures import CANDIDATE, CHAMPION, REFERENCE, panels, to_png

MOST_FOLDS = 40
# As many columns of colour as a plot can show.
MOMENTS = 400
_TRAINED, _TESTED = CANDIDATE["color"], CHAMPION["color"]


def draw_folds(folds: Sequence[Fold]) -> bytes:
    """Draw for each fold, in a row of its own, when its rows are: above those trained on, below those tested.

    The stronger the colour, the greater the share of all rows of that time; without colour there are none. Of more than
    40 folds the first are drawn.

    Parameters
    ----------
    folds : sequence of Fold, not empty
        All of the same training rows.
    """
    drawn = folds[:MOST_FOLDS]
    times = folds[0].times.astype("datetime64[us]")
    moments = _moments(times)
    there = np.bincount(moments, minlength=MOMENTS)
    figure, (axis,) = panels(1)
    figure.set_size_inches(9, 1.6 + 0.3 * len(drawn))
    first, last = date2num(times[0]), date2num(times[-1])
    last = max(last, first + 1 / 24)
    for place, fold in enumerate(drawn):
        for rows, colour, top in ((fold.train, _TRAINED, place - 0.4), (fold.test, _TESTED, place)):
            share = np.bincount(moments[rows], minlength=MOMENTS) / np.maximum(there, 1)
            axis.imshow(
                _coloured(share, colour),
                extent=(first, last, top + 0.4, top),
                aspect="auto",
                interpolation="nearest",
                # Above the grid.
                zorder=2,
            )
    shown = f"first {len(drawn)} of {len(folds)}" if len(folds) > len(drawn) else str(len(folds))
    figure.suptitle(f"{shown} folds of {len(times):,} training rows", fontsize=13)
    axis.set(xlim=(first, last), ylim=(len(drawn) - 0.5, -0.5), ylabel="fold")
    axis.set_yticks(range(len(drawn)), [str(fold.number) for fold in drawn], fontsize=9)
    locator = AutoDateLocator()
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axis.grid(visible=False, axis="y")
    patches = [Patch(color=_TRAINED, label="trained on"), Patch(color=_TESTED, label="tested")]
    figure.legend(handles=patches, loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return to_png(figure)


def _moments(times: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return in which of the MOMENTS equal parts of the time from the oldest row to the newest each row is."""
    share = (times - times[0]) / max(times[-1] - times[0], np.timedelta64(1, "us"))
    return np.asarray(share * (MOMENTS - 1), dtype=np.int64)


def _coloured(share: NDArray[np.float64], colour: str) -> NDArray[np.float64]:
    """Return one line of pixels, shape (1, MOMENTS, 4); a small share is faint, but visible."""
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    strength = np.where(share > 0, 0.15 + 0.85 * share, 0)
    pixels = np.empty((1, len(share), 4))
    pixels[0, :, :3], pixels[0, :, 3] = (red, green, blue), strength
    return pixels


def draw_scores(scores: Mapping[str, Sequence[float]]) -> bytes:
    """Draw each metric in a panel of its own: its score on each fold, their mean, and one standard deviation around it.

    Parameters
    ----------
    scores : mapping of metric to scores
        One for each fold, two folds or more. A score that is not defined is left out.
    """
    figure, axes = panels(len(scores), side_in=3.2)
    figure.suptitle("Scores on folds of the training rows", fontsize=13)
    for axis, (metric, given) in zip(axes, scores.items(), strict=True):
        values = np.asarray(given, dtype=np.float64)
        defined = np.flatnonzero(np.isfinite(values))
        look: dict[str, Any] = {**CANDIDATE, "linestyle": "none"}
        axis.plot(defined + 1, values[defined], **look)
        if len(defined) == len(values):
            mean, spread = values.mean(), values.std(ddof=1)
            axis.axhline(mean, **REFERENCE)
            axis.axhspan(mean - spread, mean + spread, color=CANDIDATE["color"], alpha=0.12, linewidth=0)
            axis.set_title(f"{metric}: {mean:.4g} ± {spread:.2g}", fontsize=10)
        else:
            axis.set_title(f"{metric}: on {len(defined)} of {len(values)} folds", fontsize=10)
        axis.set(xlabel="fold", xlim=(0.5, len(values) + 0.5))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    return to_png(figure)
