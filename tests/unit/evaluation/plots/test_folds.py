from __future__ import annotations

import io
import math
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from numpy.typing import NDArray

from perennial.data.folds import Fold
from perennial.evaluation.plots.figures import CANDIDATE, CHAMPION
from perennial.evaluation.plots.folds import draw_folds, draw_scores


def folds_of(times: NDArray[Any], *tested: range, left_out: range = range(0)) -> list[Fold]:
    moments = times.astype("datetime64[us]")
    return [Fold(i + 1, np.array(rows), np.array(left_out, dtype=np.int64), moments) for i, rows in enumerate(tested)]


def columns_with(png: bytes, colour: str) -> NDArray[np.intp]:
    """Return the columns of a picture that have pixels of the colour, those of the legend left out."""
    pixels = np.round(matplotlib.image.imread(io.BytesIO(png))[:, :, :3] * 255)
    above_legend = pixels[: int(len(pixels) * 0.75)]
    wanted = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    return np.flatnonzero((abs(above_legend - wanted) <= 1).all(axis=2).any(axis=0))


DAYS = np.arange("2024-01-01", "2024-04-10", dtype="datetime64[D]")


def test_what_is_trained_on_is_left_of_what_is_tested_and_what_is_left_out_is_between():
    png = draw_folds(folds_of(DAYS, range(60, 100), left_out=range(40, 60)))
    trained, tested = columns_with(png, CANDIDATE["color"]), columns_with(png, CHAMPION["color"])
    width = tested.max() - trained.min()
    assert tested.min() - trained.max() == pytest.approx(0.2 * width, rel=0.1)


def test_equal_folds_give_equal_bytes():
    assert draw_folds(folds_of(DAYS, range(50, 100))) == draw_folds(folds_of(DAYS, range(50, 100)))


@pytest.mark.parametrize(
    "times",
    [
        np.array(["2024-01-01"] * 6, dtype="datetime64[D]"),
        np.array(["0001-01-01", "0001-01-02", "2024-01-01", "2024-01-01", "9999-12-30", "9999-12-31"], "datetime64[D]"),
        np.arange(6).astype("datetime64[us]"),
    ],
    ids=["one moment", "all years", "microseconds"],
)
def test_any_event_times_can_be_drawn(times):
    assert draw_folds(folds_of(times, range(3), range(3, 6))).startswith(b"\x89PNG")


def test_a_fold_for_each_of_many_groups_is_drawn_up_to_a_limit():
    many = draw_folds(folds_of(DAYS, *(range(place, place + 1) for place in range(100))))
    height = matplotlib.image.imread(io.BytesIO(many)).shape[0]
    assert height < 2000


def test_scores_that_are_not_defined_are_left_out():
    all_but_one = draw_scores({"roc_auc": [0.7, math.nan, 0.8], "f1": [0.5, 0.5, 0.5]})
    assert all_but_one.startswith(b"\x89PNG")
    assert all_but_one != draw_scores({"roc_auc": [0.7, 0.75, 0.8], "f1": [0.5, 0.5, 0.5]})
