"""The style of all plots: colours for the colour-blind, and PNGs that are equal for equal data."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's blue and vermilion; the champion is also dashed, for print and for the fully colour-blind.
CANDIDATE: dict[str, Any] = {"color": "#0072B2", "linestyle": "-", "marker": "o"}
CHAMPION: dict[str, Any] = {"color": "#D55E00", "linestyle": "--", "marker": "s"}
REFERENCE: dict[str, Any] = {"color": "#767676", "linestyle": ":", "linewidth": 1.2}

PANELS_A_ROW = 3
MOST_CHARACTERS = 32


def styles(models: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return model -> style: the candidate's for the first model, the champion's for the second."""
    return dict(zip(models, (CANDIDATE, CHAMPION), strict=False))


def shown(text: str) -> str:
    """Return a text of the data or the spec in a form that can be drawn: on one line, shortened, and escaped.

    Matplotlib would read text between two dollar signs as a formula, and might fail; a line break or a control
    character would shift the texts around it.
    """
    if len(text) > MOST_CHARACTERS:
        half = MOST_CHARACTERS // 2
        text = f"{text[:half]}…{text[1 - half :]}"
    plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return plain.replace("$", r"\$")


def panels(count: int, *, side_in: float = 4.0) -> tuple[Figure, Iterator[Axes]]:
    """Make a figure of square panels, at most three in a row; a single one is larger.

    Parameters
    ----------
    count : int
        Number of panels.
    side_in : float
        Side of a panel in inches.
    """
    columns = min(count, PANELS_A_ROW)
    rows = math.ceil(count / columns)
    side = side_in * (1.4 if count == 1 else 1)
    figure = Figure(figsize=(columns * side, rows * side + 0.4), layout="constrained")
    # Without pyplot, which would keep the figure in the process after it is drawn.
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(rows, columns, i + 1) for i in range(count)]
    for axis in axes:
        axis.grid(color="#dddddd", linewidth=0.6)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, iter(axes)


def to_png(figure: Figure) -> bytes:
    """Render a figure; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()
