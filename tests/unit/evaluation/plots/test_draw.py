"""Plots are pictures of what is defined, the same for the same data, and leave nothing behind in the process."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable

import matplotlib.image
import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import confusion_matrix

from perennial.evaluation.classification import labelled_rows
from perennial.evaluation.plots.confusion import MOST_LABELS, confusion, confusion_table
from perennial.evaluation.plots.curves import reliability
from perennial.evaluation.plots.draw import draw
from perennial.models.predictions import Predictions, predict
from perennial.spec import ModelSpec

MakeSpec = Callable[..., ModelSpec]

BLUE, VERMILION = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
CLASSIFICATION_PLOTS = {"roc.png", "precision_recall.png", "calibration.png", "confusion.png"}


def two_models(classes: int = 2) -> tuple[np.ndarray, dict[str, Predictions]]:
    x, y = make_classification(400, 6, n_informative=4, n_classes=classes, flip_y=0.3, random_state=1)
    models = {"candidate": slice(0, 200), "champion v3": slice(0, 40)}
    return y[200:], {
        name: predict(LogisticRegression().fit(x[rows], y[rows]), x[200:]) for name, rows in models.items()
    }


def numbers(*, seed: int = 0) -> tuple[np.ndarray, dict[str, Predictions]]:
    random = np.random.default_rng(seed)
    truth = random.normal(100, 20, 300)
    noisy = {"candidate": 5, "champion v3": 9}
    return truth, {name: Predictions(truth + random.normal(0, noise, 300)) for name, noise in noisy.items()}


def shows(png: bytes, colour: tuple[int, int, int]) -> bool:
    pixels = (matplotlib.image.imread(io.BytesIO(png))[..., :3] * 255).round().astype(int)
    return bool((pixels == colour).all(axis=-1).any())


@pytest.mark.parametrize("classes", [2, 4])
def test_classification_has_its_four_plots_with_both_models(make_spec: MakeSpec, classes: int) -> None:
    truth, models = two_models(classes)
    pictures = draw(make_spec(), truth, models)
    assert set(pictures) == CLASSIFICATION_PLOTS
    for name in CLASSIFICATION_PLOTS - {"confusion.png"}:
        assert shows(pictures[name], BLUE)
        assert shows(pictures[name], VERMILION)


def test_regression_has_its_two_plots(make_spec: MakeSpec) -> None:
    truth, models = numbers()
    pictures = draw(make_spec("regression"), truth, models)
    assert set(pictures) == {"predicted_against_actual.png", "residuals.png"}
    assert shows(pictures["residuals.png"], BLUE)
    assert shows(pictures["residuals.png"], VERMILION)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_without_a_champion_its_colour_is_absent(make_spec: MakeSpec, task: str) -> None:
    truth, models = two_models() if task == "classification" else numbers()
    pictures = draw(make_spec(task), truth, {"candidate": models["candidate"]})
    assert not any(shows(png, VERMILION) for png in pictures.values())


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_equal_data_give_equal_bytes(make_spec: MakeSpec, task: str) -> None:
    truth, models = two_models() if task == "classification" else numbers()
    assert draw(make_spec(task), truth, models) == draw(make_spec(task), truth, models)


def test_a_champion_alone_keeps_its_own_colour(make_spec: MakeSpec) -> None:
    truth, models = two_models()
    broken = Predictions(models["candidate"].values, (0, 1), probabilities=np.full((200, 2), np.nan))
    picture = draw(make_spec(), truth, models | {"candidate": broken})["roc.png"]
    assert shows(picture, VERMILION)
    assert not shows(picture, BLUE)


def test_one_label_leaves_the_confusion_only(make_spec: MakeSpec) -> None:
    _, models = two_models()
    assert set(draw(make_spec(), np.zeros(200, dtype=int), models)) == {"confusion.png"}


def test_no_probabilities_no_calibration(make_spec: MakeSpec) -> None:
    x, y = make_classification(100, 6, random_state=0)
    pictures = draw(make_spec(), y, {"candidate": predict(RidgeClassifier().fit(x, y), x)})
    assert set(pictures) == CLASSIFICATION_PLOTS - {"calibration.png"}


def test_numbers_that_are_none_and_empty_holdouts_draw_nothing(make_spec: MakeSpec) -> None:
    nothing = Predictions(np.array([np.nan, 1.0]))
    assert draw(make_spec("regression"), np.array([1.0, 2.0]), {"candidate": nothing}) == {}
    assert draw(make_spec(), np.array([]), {"candidate": Predictions(np.array([]), (0, 1))}) == {}


def test_constant_numbers_can_be_drawn(make_spec: MakeSpec) -> None:
    same = Predictions(np.full(5, 3.0))
    assert len(draw(make_spec("regression"), np.full(5, 3.0), {"candidate": same})) == 2


def test_many_labels_fit_into_one_matrix(make_spec: MakeSpec) -> None:
    random = np.random.default_rng(0)
    truth, guess = random.integers(0, 2 * MOST_LABELS, (2, 500))
    labels = tuple(range(2 * MOST_LABELS))
    rows = labelled_rows(make_spec(), truth, Predictions(guess, labels), labels)
    assert confusion({"candidate": rows}).startswith(b"\x89PNG")
    assert np.array_equal(confusion_table(rows)["rows"], confusion_matrix(truth, guess, labels=labels))


def test_reliability_is_scikit_learns_with_an_interval_that_holds_the_share() -> None:
    random = np.random.default_rng(0)
    probability = random.uniform(0, 1, 1000)
    truth = random.uniform(0, 1, 1000) < probability

    given, observed, margin = reliability(truth, probability)

    expected_observed, expected_given = calibration_curve(truth, probability, n_bins=10, strategy="quantile")
    assert given == pytest.approx(expected_given)
    assert observed == pytest.approx(expected_observed)
    assert (margin >= 0).all()
    assert ((observed - margin[0] >= 0) & (observed + margin[1] <= 1)).all()


@pytest.mark.parametrize("probability", [np.full(20, 0.3), np.r_[np.zeros(15), np.ones(5)]])
def test_reliability_keeps_equal_probabilities_together(probability: np.ndarray) -> None:
    given, _, _ = reliability(probability > 0.5, probability)
    assert given == pytest.approx(np.unique(probability))


def test_drawing_needs_no_pyplot() -> None:
    code = "import sys, perennial.evaluation.plots.draw; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
