"""Plots can be drawn of any labels and any numbers: an evaluation never fails for what its data are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from perennial.evaluation.plots.draw import draw
from perennial.evaluation.plots.figures import MOST_CHARACTERS, shown
from perennial.models.predictions import Predictions
from perennial.spec import ModelSpec

MakeSpec = Callable[..., ModelSpec]
HOSTILE = (
    *("$x^$", "$\\frac{$", "$", "\\$", "\\frac", "a\nb", "\0", "\x1b[31m", "\N{GRINNING FACE}", "\u202eabc"),
    *("\u05e9\u05dc\u05d5\u05dd", "x" * 10_000, "_nolegend_", "{}", "%s", "\ud800", " "),
)
# A picture takes a tenth of a second, so there are few.
quick = settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
numbers = st.floats() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1.7e308, -1.7e308, 1e154])
columns = st.lists(numbers, min_size=3, max_size=3).map(np.array)


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("labels", [HOSTILE, HOSTILE[:2], HOSTILE[-2:]], ids=["many", "two", "two others"])
def test_any_labels_have_all_their_plots(make_spec: MakeSpec, labels: Sequence[str]) -> None:
    classes = tuple(sorted(labels))
    truth = np.array([*classes, *classes], dtype=object)
    likely = np.random.default_rng(0).dirichlet(np.ones(len(classes)), len(truth))
    models = {name: Predictions(truth[::-1], classes, probabilities=likely) for name in ("candidate", "champion v1")}
    spec = make_spec(positive=classes[0] if len(classes) == 2 else None)
    assert set(draw(spec, truth, models)) == {"roc.png", "precision_recall.png", "calibration.png", "confusion.png"}


@quick
@given(text=st.text() | st.sampled_from(HOSTILE))
def test_a_text_is_shown_on_one_short_line_and_is_no_formula(text: str) -> None:
    plain = shown(text)
    assert plain.isprintable()
    assert len(plain.replace("\\$", "$")) <= MOST_CHARACTERS
    assert plain.count("$") == plain.count("\\$")


@quick
@given(truth=columns, predicted=columns)
@example(truth=np.array([1.7e308, -1.7e308, 1.0]), predicted=np.array([1.0, 2.0, 3.0]))
@example(truth=np.array([1.0, 2.0, 3.0]), predicted=np.full(3, 1.7e308))
@example(truth=np.full(3, 1e300), predicted=np.full(3, -1e300))
@example(truth=np.array([0.0, 5e-324, 1e-320]), predicted=np.zeros(3))
@example(truth=np.array([1e16, 1e16 + 2, 1e16]), predicted=np.full(3, 1e16))
def test_any_numbers_are_drawn_or_left_out(make_spec: MakeSpec, truth: np.ndarray, predicted: np.ndarray) -> None:
    models = {"candidate": Predictions(predicted), "champion v1": Predictions(truth)}
    assert set(draw(make_spec("regression"), truth, models)) in (
        {"predicted_against_actual.png", "residuals.png"},
        set(),
    )


@quick
@given(scores=st.lists(st.tuples(numbers, numbers), min_size=4, max_size=4).map(np.array))
@example(scores=np.array([[1.7e308, -1.7e308]] * 4))
@example(scores=np.array([[-1.0, 2.0], [5e-324, 1.0], [1.7e308, 0.0], [0.5, 0.5]]))
def test_any_scores_are_drawn(make_spec: MakeSpec, scores: np.ndarray) -> None:
    truth = np.array([0, 1, 1, 0])
    models = {
        "candidate": Predictions(truth, (0, 1), probabilities=scores),
        "champion v1": Predictions(truth, (0, 1), decisions=scores),
    }
    assert "confusion.png" in draw(make_spec(), truth, models)
