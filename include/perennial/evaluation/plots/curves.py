"""ROC, precision-recall and calibration curves: one panel for each label, all models on the same axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from perennial.evaluation.classification import LabelledRows
from perennial.evaluation.plots.figures import PANELS_A_ROW, REFERENCE, panels, shown, styles, to_png
from perennial.models.predictions import Label

MOST_PANELS = 3 * PANELS_A_ROW
CALIBRATION_BINS = 10
# A curve of a million rows has as many points; a plot cannot show more than these.
MOST_POINTS = 2000


@dataclass(frozen=True)
class Ranked:
    """One model's scores for one label. `truth` is True for rows that have the label; both have shape (n,)."""

    name: str
    style: Mapping[str, Any]
    truth: NDArray[np.bool_]
    scores: NDArray[np.float64]


def roc(models: Mapping[str, LabelledRows]) -> bytes | None:
    """Draw the ROC curves; None if no model's curve is defined."""
    return _draw(_ranked(models, probabilities=False), "ROC", _roc_panel)


def precision_recall(models: Mapping[str, LabelledRows]) -> bytes | None:
    """Draw the precision-recall curves; None if no model's curve is defined."""
    return _draw(_ranked(models, probabilities=False), "Precision and recall", _precision_recall_panel)


def calibration(models: Mapping[str, LabelledRows]) -> bytes | None:
    """Draw how often the label occurs for each predicted probability of it; None without probabilities."""
    return _draw(_ranked(models, probabilities=True), "Calibration", _calibration_panel)


def _ranked(models: Mapping[str, LabelledRows], *, probabilities: bool) -> dict[Label, list[Ranked]]:
    """Label of a panel -> the models with scores for the label.

    Binary: the positive label; else the most frequent ones.
    """
    found: dict[Label, list[Ranked]] = {}
    look = styles(models)
    for name, rows in models.items():
        columns = rows.probabilities if probabilities else rows.ranking
        if columns is None or len(rows.present) < 2 or not np.isfinite(columns).all():
            continue
        for label in _panel_labels(rows):
            place = rows.labels.index(label)
            found.setdefault(label, []).append(Ranked(name, look[name], rows.truth == place, columns[:, place]))
    return found


def _panel_labels(rows: LabelledRows) -> list[Label]:
    if rows.binary:
        return [] if rows.positive is None else [rows.labels[rows.positive]]
    by_frequency = sorted(rows.present, key=lambda place: -rows.confusion[place].sum())
    return [rows.labels[place] for place in by_frequency[:MOST_PANELS]]


def _draw(ranked: dict[Label, list[Ranked]], title: str, panel: Callable[[Axes, list[Ranked]], None]) -> bytes | None:
    if not ranked:
        return None
    figure, axes = panels(len(ranked))
    figure.suptitle(f"{title} on the holdout", fontsize=13)
    for axis, (label, models) in zip(axes, ranked.items(), strict=True):
        truth = models[0].truth
        axis.set_title(f"label {shown(repr(label))}: {truth.sum():,} of {truth.size:,} rows", fontsize=10)
        panel(axis, models)
        axis.legend(fontsize=9, framealpha=0.9)
    return to_png(figure)


def _roc_panel(axis: Axes, models: list[Ranked]) -> None:
    for model in models:
        false_positive, true_positive, _ = roc_curve(model.truth, model.scores)
        area = roc_auc_score(model.truth, model.scores)
        _line(axis, false_positive, true_positive, f"{model.name} (AUC {area:.3f})", model.style)
    axis.plot([0, 1], [0, 1], label="guessing (0.500)", **REFERENCE)
    axis.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.01), aspect="equal")


def _precision_recall_panel(axis: Axes, models: list[Ranked]) -> None:
    for model in models:
        precision, recall, _ = precision_recall_curve(model.truth, model.scores, drop_intermediate=True)
        area = average_precision_score(model.truth, model.scores)
        # Drawn as steps, since average precision is the area under the steps.
        _line(axis, recall, precision, f"{model.name} (AP {area:.3f})", model.style, drawstyle="steps-post")
    share = models[0].truth.mean()
    axis.axhline(share, label=f"guessing ({share:.3f})", **REFERENCE)
    axis.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.01), aspect="equal")


def _calibration_panel(axis: Axes, models: list[Ranked]) -> None:
    highest = 0.0
    for model in models:
        given, observed, margin = reliability(model.truth, model.scores)
        error = np.mean((model.scores - model.truth) ** 2)
        axis.errorbar(
            given,
            observed,
            yerr=margin,
            label=f"{model.name} (Brier {error:.3f})",
            markersize=5,
            capsize=2,
            **model.style,
        )
        highest = max(highest, float(given.max()), float((observed + margin[1]).max()))
    top = min(1.0, highest * 1.05) or 1.0
    axis.plot([0, top], [0, top], label="perfectly calibrated", **REFERENCE)
    axis.set(
        xlabel="predicted probability (mean of each tenth of the rows)", ylabel="share with the label (95% interval)"
    )
    axis.set(xlim=(0, top), ylim=(0, top), aspect="equal")


def reliability(
    truth: NDArray[np.bool_], probability: NDArray[np.float64], *, bins: int = CALIBRATION_BINS
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Compare predicted probabilities with the observed share of the label, in bins of equal size.

    Returns
    -------
    given, observed : arrays of shape (b,)
        Mean probability and share of the label in each of b <= `bins` bins; rows with the same probability are in the
        same bin.
    margin : array of shape (2, b)
        Distances from `observed` down and up to the ends of Wilson's 95% interval.
    """
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, probability)
    rows = np.bincount(place)
    filled = rows > 0
    rows = rows[filled]
    given = np.bincount(place, weights=probability)[filled] / rows
    observed = np.bincount(place, weights=truth)[filled] / rows
    z = 1.96
    middle = (observed + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z * np.sqrt(observed * (1 - observed) / rows + z**2 / (4 * rows**2)) / (1 + z**2 / rows)
    return given, observed, np.maximum(np.stack([observed - (middle - half), middle + half - observed]), 0)


def _line(
    axis: Axes, x: NDArray[np.float64], y: NDArray[np.float64], label: str, style: Mapping[str, Any], **more: Any
) -> None:
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).astype(int))
    axis.plot(x[kept], y[kept], label=label, color=style["color"], linestyle=style["linestyle"], linewidth=1.8, **more)
