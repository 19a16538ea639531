"""Plots of a regression's errors: how large they are, and for which predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from numpy.typing import NDArray

from perennial.evaluation.plots.figures import REFERENCE, panels, styles, to_png
from perennial.evaluation.regression import Residuals

BINS = 50
BANDS = 12


def predicted_against_actual(models: Mapping[str, Residuals]) -> bytes:
    """Draw predictions over the truth, one panel for each model, with the same axes and colours."""
    figure, axes = panels(len(models), side_in=4.6)
    figure.suptitle("Predicted and actual on the holdout", fontsize=13)
    low, high = _span(np.concatenate([values for rows in models.values() for values in (rows.truth, rows.predicted)]))
    most = max(_cells(rows, low, high).max() for rows in models.values())
    for axis, (name, rows) in zip(axes, models.items(), strict=True):
        cells = _cells(rows, low, high)
        image = axis.imshow(
            np.ma.masked_equal(cells.T, 0),
            origin="lower",
            extent=(low, high, low, high),
            cmap="viridis_r",
            norm=LogNorm(1, max(most, 2)),
            interpolation="nearest",
        )
        axis.plot([low, high], [low, high], label="predicted = actual", **REFERENCE)
        axis.set_title(name, fontsize=10)
        axis.set(xlabel="actual", ylabel="predicted")
        axis.legend(fontsize=9, loc="upper left", framealpha=0.9)
    figure.colorbar(image, ax=figure.axes, shrink=0.8, pad=0.02).set_label("rows")
    return to_png(figure)


def residuals(models: Mapping[str, Residuals]) -> bytes:
    """Draw the errors of all models on the same axes: their distribution, and their size by prediction."""
    figure, (distribution, course) = panels(2, side_in=5.0)
    look = styles(models)
    figure.suptitle("Residuals (predicted - actual) on the holdout", fontsize=13)
    _distribution(distribution, models, look)
    _course(course, models, look)
    return to_png(figure)


def _distribution(axis: Axes, models: Mapping[str, Residuals], look: Mapping[str, Any]) -> None:
    # Without the outermost thousandths, since a few extreme errors would squeeze all others into one bar.
    low, high = np.quantile(np.concatenate([_errors(rows) for rows in models.values()]), [0.001, 0.999])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    for name, rows in models.items():
        style = look[name]
        shares, _ = np.histogram(_errors(rows), edges)
        label = f"{name} (mean {_errors(rows).mean():+.4g})"
        axis.stairs(
            shares / len(rows.truth), edges, label=label, color=style["color"], linestyle=style["linestyle"], lw=1.8
        )
    axis.axvline(0, **REFERENCE)
    axis.set_title("distribution", fontsize=10)
    axis.set(xlabel="residual", ylabel="share of the rows")
    axis.legend(fontsize=9, framealpha=0.9)


def _course(axis: Axes, models: Mapping[str, Residuals], look: Mapping[str, Any]) -> None:
    for name, rows in models.items():
        style = look[name]
        groups = np.array_split(np.argsort(rows.predicted, kind="stable"), min(BANDS, len(rows.predicted)))
        middle = [np.median(rows.predicted[group]) for group in groups]
        low, median, high = np.array([np.quantile(_errors(rows)[group], [0.1, 0.5, 0.9]) for group in groups]).T
        axis.plot(middle, median, label=f"{name}, median", markersize=4, **style)
        axis.fill_between(middle, low, high, color=style["color"], alpha=0.15, label=f"{name}, 10% to 90%")
    axis.axhline(0, **REFERENCE)
    axis.set_title("by prediction, in groups of equal size", fontsize=10)
    axis.set(xlabel="predicted", ylabel="residual")
    axis.legend(fontsize=9, framealpha=0.9)


def _errors(rows: Residuals) -> NDArray[np.float64]:
    return rows.predicted - rows.truth


def _cells(rows: Residuals, low: float, high: float) -> NDArray[np.float64]:
    counts, _, _ = np.histogram2d(rows.truth, rows.predicted, bins=BINS, range=[[low, high], [low, high]])
    return counts


def _span(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)
