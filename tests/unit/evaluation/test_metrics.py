"""Metrics equal scikit-learn's where they are defined, and are NaN with a reason where they are not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from perennial.errors import SpecError, TrainingError
from perennial.evaluation.metrics import answered_rows, score
from perennial.evaluation.reweighted import reweighted
from perennial.models.predictions import Predictions, predict
from perennial.spec import ModelSpec
from perennial.spec.metrics import CLASSIFICATION, REGRESSION

MakeSpec = Callable[..., ModelSpec]


def rows_of(classes: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return make_classification(400, 6, n_informative=4, n_classes=classes, flip_y=0.2, random_state=seed)


def said(labels: Any, truth_probability: Any) -> Predictions:
    """Predictions for labels 0 and 1 from the probability of 1."""
    p = np.asarray(truth_probability, dtype=float)
    return Predictions(np.asarray(labels), (0, 1), probabilities=np.column_stack([1 - p, p]))


def test_two_labels_as_scikit_learn(make_spec: MakeSpec) -> None:
    x, y = rows_of(2)
    model = LogisticRegression().fit(x[:200], y[:200])
    truth, guess, p = y[200:], model.predict(x[200:]), model.predict_proba(x[200:])

    scores = score(make_spec(), truth, predict(model, x[200:]))

    assert scores.metrics == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(truth, p[:, 1]),
            "pr_auc": sk.average_precision_score(truth, p[:, 1]),
            "log_loss": sk.log_loss(truth, p),
            "brier": sk.brier_score_loss(truth, p[:, 1]),
            "accuracy": sk.accuracy_score(truth, guess),
            "balanced_accuracy": sk.balanced_accuracy_score(truth, guess),
            "precision": sk.precision_score(truth, guess),
            "recall": sk.recall_score(truth, guess),
            "f1": sk.f1_score(truth, guess),
        }
    )
    assert scores.undefined == {}
    assert scores.notes == ()


@pytest.mark.parametrize("classes", [2, 3])
def test_weighted_rows_as_scikit_learn(make_spec: MakeSpec, classes: int) -> None:
    x, y = rows_of(classes)
    model = LogisticRegression().fit(x[:200], y[:200])
    truth, guess, p = y[200:], model.predict(x[200:]), model.predict_proba(x[200:])
    weight = np.random.default_rng(3).integers(0, 4, size=200) / 2
    average = {"average": "binary" if classes == 2 else "macro", "sample_weight": weight}
    shown = p[:, 1] if classes == 2 else p
    each = truth if classes == 2 else np.eye(classes)[truth]

    scores = score(make_spec(), truth, predict(model, x[200:]), weights=weight)

    assert scores.metrics == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(truth, shown, sample_weight=weight, multi_class="ovr"),
            "pr_auc": sk.average_precision_score(each, shown, sample_weight=weight),
            "log_loss": sk.log_loss(truth, p, sample_weight=weight),
            "brier": np.average(((p - np.eye(classes)[truth]) ** 2).sum(axis=1) / 2, weights=weight),
            "accuracy": sk.accuracy_score(truth, guess, sample_weight=weight),
            "balanced_accuracy": sk.balanced_accuracy_score(truth, guess, sample_weight=weight),
            "precision": sk.precision_score(truth, guess, **average),
            "recall": sk.recall_score(truth, guess, **average),
            "f1": sk.f1_score(truth, guess, **average),
        }
    )


def test_weighted_numbers_as_scikit_learn(make_spec: MakeSpec) -> None:
    rng = np.random.default_rng(5)
    truth, weight = rng.normal(5, 1, size=100), rng.random(100)
    guess = truth + rng.normal(size=100)
    scores = score(make_spec("regression"), truth, Predictions(guess), weights=weight)
    assert scores.metrics == pytest.approx(
        {
            "rmse": sk.root_mean_squared_error(truth, guess, sample_weight=weight),
            "mae": sk.mean_absolute_error(truth, guess, sample_weight=weight),
            "r2": sk.r2_score(truth, guess, sample_weight=weight),
            "mape": sk.mean_absolute_percentage_error(truth, guess, sample_weight=weight),
        }
    )


def test_the_expected_cost_is_the_mean_of_the_matrix_at_the_predictions(make_spec: MakeSpec) -> None:
    costs = {"labels": [1, 0], "matrix": [[0, 20], [1, 0.5]]}
    spec = make_spec()
    model = spec.model.model_dump(exclude_unset=True) | {"imbalance": {"costs": costs}}
    spec = ModelSpec.model_validate(spec.model_dump(exclude_unset=True) | {"model": model})
    truth, guess = np.array([0, 0, 1, 1]), [0, 1, 0, 1]
    answers, weights = said(guess, [0.1, 0.9, 0.1, 0.9]), np.array([1.0, 1.0, 2.0, 0.0])

    assert score(spec, truth, answers).metrics["expected_cost"] == (0.5 + 1 + 20 + 0) / 4
    assert score(spec, truth, answers, weights=weights).metrics["expected_cost"] == (0.5 + 1 + 40) / 4
    block = np.array([0, 0, 1, 1])
    by_block = reweighted("expected_cost", answered_rows(spec, truth, answers), block)(np.array([[1.0, 0.0]]))
    assert by_block.tolist() == [0.75]
    unnamed = score(spec, np.array([0, 0, 2, 1]), answers)
    assert "does not name the label 2" in unnamed.undefined["expected_cost"]
    assert "expected_cost" not in score(make_spec(), truth, answers).metrics


def test_a_metric_of_rows_without_weight_has_no_value(make_spec: MakeSpec) -> None:
    scores = score(make_spec(), np.array([0, 1]), said([0, 1], [0.1, 0.9]), weights=np.array([1.0, 0.0]))
    assert math.isnan(scores.metrics["roc_auc"])
    assert scores.undefined["roc_auc"] == "the rows that it needs have no weight"


def test_many_labels_as_scikit_learn_macro(make_spec: MakeSpec) -> None:
    x, y = rows_of(4)
    y = np.array(["ant", "bee", "cat", "dog"], dtype=object)[y]
    model = LogisticRegression().fit(x[:200], y[:200])
    truth, guess, p = y[200:], model.predict(x[200:]), model.predict_proba(x[200:])
    one_hot = truth[:, None] == model.classes_

    scores = score(make_spec(), truth, predict(model, x[200:]))

    assert scores.metrics == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(truth, p, multi_class="ovr"),
            "pr_auc": sk.average_precision_score(one_hot, p, average="macro"),
            "log_loss": sk.log_loss(truth, p),
            "brier": sk.brier_score_loss(truth, p, scale_by_half=True),
            "accuracy": sk.accuracy_score(truth, guess),
            "balanced_accuracy": sk.balanced_accuracy_score(truth, guess),
            "precision": sk.precision_score(truth, guess, average="macro"),
            "recall": sk.recall_score(truth, guess, average="macro"),
            "f1": sk.f1_score(truth, guess, average="macro"),
        }
    )


def test_regression_as_scikit_learn(make_spec: MakeSpec) -> None:
    random = np.random.default_rng(0)
    truth = random.normal(50, 5, 300)
    guess = truth + random.normal(0, 2, 300)

    scores = score(make_spec("regression"), truth, Predictions(guess))

    assert scores.metrics == pytest.approx(
        {
            "rmse": sk.root_mean_squared_error(truth, guess),
            "mae": sk.mean_absolute_error(truth, guess),
            "r2": sk.r2_score(truth, guess),
            "mape": sk.mean_absolute_percentage_error(truth, guess),
        }
    )


def test_swapping_the_positive_label_swaps_the_figures(make_spec: MakeSpec) -> None:
    truth = np.array(["no", "no", "yes", "yes", "no"], dtype=object)
    guess = np.array(["no", "yes", "yes", "no", "no"], dtype=object)
    p = np.array([0.1, 0.7, 0.8, 0.4, 0.2])
    predictions = Predictions(guess, ("no", "yes"), probabilities=np.column_stack([1 - p, p]))

    yes, no = (score(make_spec(positive=label), truth, predictions).metrics for label in ("yes", "no"))

    assert (yes["recall"], no["recall"]) == pytest.approx((1 / 2, 2 / 3))
    assert yes["pr_auc"] == pytest.approx(sk.average_precision_score(truth == "yes", p))
    assert no["pr_auc"] == pytest.approx(sk.average_precision_score(truth == "no", 1 - p))
    assert yes["brier"] == pytest.approx(no["brier"])


@pytest.mark.parametrize(
    ("positive", "labels", "words"),
    [
        (None, ["no", "yes"], "target.positive is not set"),
        (None, [0, 2], "target.positive is not set"),
        ("ja", ["no", "yes"], "target.positive is 'ja'"),
        ("1", [0, 1], "target.positive is '1'"),
        (1, [0, 1, 2], "for two labels, but 'label' has 3"),
    ],
)
def test_an_unclear_positive_label_is_the_specs_error(
    make_spec: MakeSpec, positive: Any, labels: list[Any], words: str
) -> None:
    truth = np.array(labels * 2, dtype=object)
    with pytest.raises(SpecError, match=r"target\.positive") as error:
        score(make_spec(positive=positive), truth, Predictions(truth, tuple(labels)))
    assert words in str(error.value)
    assert all(repr(label) in str(error.value) for label in labels)


@pytest.mark.parametrize("only", [0, 1])
def test_one_label_in_the_holdout_leaves_ranking_undefined(make_spec: MakeSpec, only: int) -> None:
    scores = score(make_spec(), np.full(4, only), said([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]))

    reason = f"every held-out row has the label {only}"
    assert {name: scores.undefined[name] for name in ("roc_auc", "pr_auc", "balanced_accuracy")} == dict.fromkeys(
        ("roc_auc", "pr_auc", "balanced_accuracy"), reason
    )
    assert scores.metrics["accuracy"] == 0.5
    assert math.isnan(scores.metrics["recall"]) == (only == 0)
    assert f"no held-out row has the label {1 - only}, which the model knows" in scores.notes


def test_one_text_label_everywhere_needs_no_positive(make_spec: MakeSpec) -> None:
    truth = np.array(["no"] * 3, dtype=object)
    scores = score(make_spec(), truth, Predictions(truth, ("no",), probabilities=np.ones((3, 1))))
    assert scores.metrics["log_loss"] == 0
    assert {"roc_auc", "precision", "recall", "f1"} <= set(scores.undefined)


def test_precision_without_a_positive_prediction_is_undefined_not_zero(make_spec: MakeSpec) -> None:
    scores = score(make_spec(), np.array([0, 1, 1]), said([0, 0, 0], [0.1, 0.2, 0.3]))
    assert math.isnan(scores.metrics["precision"])
    assert scores.undefined["precision"] == "no row is predicted as 1"
    assert scores.metrics["recall"] == scores.metrics["f1"] == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_scores_that_are_no_numbers_are_undefined_with_their_count(make_spec: MakeSpec, bad: float) -> None:
    scores = score(make_spec(), np.array([0, 1, 1]), said([0, 1, 1], [0.1, bad, 0.9]))
    assert set(scores.undefined) == {"roc_auc", "pr_auc", "log_loss", "brier"}
    assert scores.undefined["roc_auc"] == "the model's scores are NaN or infinite in 1 of 3 rows"
    assert scores.metrics["accuracy"] == 1


def test_probabilities_that_are_none_leave_the_ranking(make_spec: MakeSpec) -> None:
    predictions = Predictions(np.array([0, 1]), (0, 1), probabilities=np.array([[3.0, 1.0], [1.0, 5.0]]))
    scores = score(make_spec(), np.array([0, 1]), predictions)
    assert set(scores.undefined) == {"log_loss", "brier"}
    assert "do not sum to 1" in scores.undefined["brier"]
    assert scores.metrics["roc_auc"] == 1


def test_labels_predicted_as_nan_are_wrong_answers(make_spec: MakeSpec) -> None:
    scores = score(make_spec(), np.array([0, 1, 1]), said([0.0, math.nan, math.nan], [0.1, 0.8, 0.9]))
    assert scores.metrics["accuracy"] == pytest.approx(1 / 3)
    assert scores.metrics["recall"] == 0


@pytest.mark.parametrize("classes", [2, 3])
def test_a_decision_function_ranks_but_gives_no_probabilities(make_spec: MakeSpec, classes: int) -> None:
    x, y = rows_of(classes)
    model = RidgeClassifier().fit(x[:200], y[:200])

    scores = score(make_spec(), y[200:], predict(model, x[200:]))

    decisions = model.decision_function(x[200:])
    columns = [decisions] if classes == 2 else list(decisions.T)
    expected = [
        sk.roc_auc_score(y[200:] == label, c) for label, c in zip(range(classes)[-len(columns) :], columns, strict=True)
    ]
    assert scores.metrics["roc_auc"] == pytest.approx(np.mean(expected))
    assert set(scores.undefined) == {"log_loss", "brier"}
    assert scores.notes == ("no predict_proba: rows are ranked by decision_function",)


def test_one_against_one_decisions_rank_nothing(make_spec: MakeSpec) -> None:
    x, y = rows_of(4)
    model = SVC(decision_function_shape="ovo").fit(x[:200], y[:200])
    scores = score(make_spec(), y[200:], predict(model, x[200:]))
    assert set(scores.undefined) == {"roc_auc", "pr_auc", "log_loss", "brier"}
    assert "predict_proba" in scores.undefined["roc_auc"]


def test_a_label_that_the_model_never_saw_counts_against_it_and_is_noted(make_spec: MakeSpec) -> None:
    x, y = rows_of(3)
    known = y[:200] != 2
    model = LogisticRegression().fit(x[:200][known], y[:200][known])
    truth = y[200:]

    scores = score(make_spec(), truth, predict(model, x[200:]))

    p = np.column_stack([model.predict_proba(x[200:]), np.zeros(200)])
    assert scores.metrics["roc_auc"] == pytest.approx(
        np.mean([sk.roc_auc_score(truth == 0, p[:, 0]), sk.roc_auc_score(truth == 1, p[:, 1]), 0.5])
    )
    assert scores.metrics["log_loss"] == pytest.approx(sk.log_loss(truth, p))
    assert f"the model never saw the label 2 ({(truth == 2).sum()} rows), and gives it probability 0" in scores.notes


def test_a_label_missing_from_the_holdout_is_left_out_of_averages_and_noted(make_spec: MakeSpec) -> None:
    x, y = rows_of(3)
    model = DecisionTreeClassifier(random_state=0, max_depth=3).fit(x[:200], y[:200])
    kept = y[200:] != 2
    truth, inputs = y[200:][kept], x[200:][kept]

    scores = score(make_spec(), truth, predict(model, inputs))

    guess = model.predict(inputs)
    assert scores.metrics["recall"] == pytest.approx(sk.recall_score(truth, guess, labels=[0, 1], average="macro"))
    assert scores.metrics["precision"] == pytest.approx(
        sk.precision_score(truth, guess, labels=[0, 1], average="macro")
    )
    assert "no held-out row has the label 2, which the model knows" in scores.notes


def test_a_champion_with_a_label_of_old_is_scored_as_binary_as_the_candidate(make_spec: MakeSpec) -> None:
    truth = np.array([0, 0, 1, 1])
    p = np.array([[0.7, 0.2, 0.1], [0.2, 0.1, 0.7], [0.1, 0.8, 0.1], [0.5, 0.4, 0.1]])
    champion = Predictions(p.argmax(axis=1), (0, 1, 2), probabilities=p)

    scores = score(make_spec(positive=1), truth, champion, labels=(0, 1))

    assert scores.metrics["recall"] == 0.5
    assert scores.metrics["roc_auc"] == sk.roc_auc_score(truth, p[:, 1])
    assert scores.metrics["accuracy"] == 0.5


def test_a_label_never_predicted_counts_as_zero_in_the_average_and_is_noted(make_spec: MakeSpec) -> None:
    truth = np.array([0, 1, 2])
    scores = score(make_spec(), truth, Predictions(np.array([0, 1, 1]), (0, 1, 2)))
    assert scores.metrics["precision"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert "never predicted, and so counted as precision 0: 2" in scores.notes


def test_probabilities_of_the_wrong_shape_are_the_models_error() -> None:
    class OneColumn:
        classes_ = (0, 1)

        def predict(self, frame: np.ndarray) -> np.ndarray:
            return np.zeros(len(frame))

        def predict_proba(self, frame: np.ndarray) -> np.ndarray:
            return np.zeros(len(frame))

    with pytest.raises(TrainingError, match=r"shape \(3,\) for 3 rows and 2 labels"):
        predict(OneColumn(), np.zeros((3, 1)))


def test_percentages_of_zero_are_undefined_not_huge(make_spec: MakeSpec) -> None:
    scores = score(make_spec("regression"), np.array([0.0, 1.0, 2.0]), Predictions(np.array([0.1, 1.1, 2.1])))
    assert math.isnan(scores.metrics["mape"])
    assert scores.undefined == {"mape": "1 of the 3 held-out targets are 0, so the error has no share of them"}
    assert scores.metrics["mae"] == pytest.approx(0.1)


def test_a_constant_target_has_no_r2(make_spec: MakeSpec) -> None:
    scores = score(make_spec("regression"), np.full(3, 7.0), Predictions(np.array([7.0, 7.0, 8.0])))
    assert set(scores.undefined) == {"r2"}
    assert "same in every held-out row" in scores.undefined["r2"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("side", ["targets", "predictions"])
def test_numbers_that_are_none_leave_nothing_defined(make_spec: MakeSpec, bad: float, side: str) -> None:
    good, broken = np.array([1.0, 2.0]), np.array([1.0, bad])
    truth, guess = (broken, good) if side == "targets" else (good, broken)

    scores = score(make_spec("regression"), truth, Predictions(guess))

    assert set(scores.undefined) == set(REGRESSION)
    assert (
        f"1 of the 2 {'held-out targets' if side == 'targets' else side} are NaN or infinite" in scores.undefined["r2"]
    )


def test_an_overflow_is_undefined_not_infinite(make_spec: MakeSpec) -> None:
    scores = score(make_spec("regression"), np.array([1.0, 2.0]), Predictions(np.array([1e200, 2.0])))
    assert math.isnan(scores.metrics["rmse"])
    assert scores.metrics["mae"] == pytest.approx(5e199)


@pytest.mark.parametrize(("task", "names"), [("classification", CLASSIFICATION), ("regression", REGRESSION)])
def test_every_metric_of_the_task_is_there_even_without_rows(
    make_spec: MakeSpec, task: str, names: tuple[str, ...]
) -> None:
    scores = score(make_spec(task), np.array([]), Predictions(np.array([])))
    assert tuple(scores.metrics) == names
    assert set(scores.undefined) == set(names)


def test_one_metric_alone_is_what_it_is_among_all(make_spec: MakeSpec) -> None:
    truth = np.array([0, 1, 0, 1, 1, 0])
    answers = said([0, 1, 1, 1, 0, 0], [0.1, 0.8, 0.6, 0.7, 0.4, 0.2])

    assert score(make_spec(), truth, answers, only="f1").metrics == {
        "f1": score(make_spec(), truth, answers).metrics["f1"]
    }
