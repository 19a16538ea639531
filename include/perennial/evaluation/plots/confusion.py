"""The confusion matrix, as figures and as a plot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from perennial.evaluation.classification import LabelledRows
from perennial.evaluation.plots.figures import panels, shown, to_png

MOST_LABELS = 20
# With more labels the cells are too small for a count and its share.
MOST_LABELS_WITH_TEXT = 8


def confusion_table(rows: LabelledRows) -> dict[str, object]:
    """Return the complete matrix, ready for JSON: `labels`, and `rows[true][predicted]` as counts."""
    return {"labels": [str(label) for label in rows.labels], "rows": rows.confusion.tolist()}


def confusion(models: Mapping[str, LabelledRows]) -> bytes:
    """Draw one matrix for each model, side by side; beyond 20 labels the rarest share a row and a column."""
    figure, axes = panels(len(models), side_in=4.4)
    figure.suptitle("Confusion on the holdout", fontsize=13)
    for axis, (name, rows) in zip(axes, models.items(), strict=True):
        labels, counts = _most_frequent(rows)
        image = _matrix(axis, labels, counts)
        axis.set_title(f"{name}: {np.trace(rows.confusion) / rows.confusion.sum():.1%} right", fontsize=10)
    colours = figure.colorbar(image, ax=figure.axes, shrink=0.8, pad=0.02)
    colours.set_label("share of the true label's rows")
    return to_png(figure)


def _matrix(axis: Axes, labels: list[str], counts: NDArray[np.int64]) -> AxesImage:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axis.grid(visible=False)
    places = range(len(labels))
    names = [shown(label) for label in labels]
    slanted = max(map(len, names)) > 4
    axis.set_xticks(places, names, rotation=45 if slanted else 0, ha="right" if slanted else "center", fontsize=9)
    axis.set_yticks(places, names, fontsize=9)
    axis.set(xlabel="predicted", ylabel="true")
    if len(labels) <= MOST_LABELS_WITH_TEXT:
        for (true, predicted), share in np.ndenumerate(shares):
            text = f"{counts[true, predicted]:,}\n{share:.0%}"
            axis.text(
                predicted, true, text, ha="center", va="center", fontsize=9, color="white" if share > 0.55 else "black"
            )
    return image


def _most_frequent(rows: LabelledRows) -> tuple[list[str], NDArray[np.int64]]:
    counts, labels = rows.confusion, [str(label) for label in rows.labels]
    if len(labels) <= MOST_LABELS:
        return labels, counts
    by_frequency = np.argsort(-counts.sum(axis=1), kind="stable")
    kept = np.sort(by_frequency[: MOST_LABELS - 1])
    # Each label's position in the smaller matrix: its own, or the last, which all other labels share.
    place = np.full(len(labels), len(kept))
    place[kept] = np.arange(len(kept))
    smaller = np.zeros((MOST_LABELS, MOST_LABELS), dtype=np.int64)
    np.add.at(smaller, (place[:, None], place[None, :]), counts)
    return [*(labels[i] for i in kept), f"{len(labels) - len(kept)} others"], smaller
