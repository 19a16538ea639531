"""Reasons add up to the prediction, agree with exact Shapley values, and hold for every kind of model."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from perennial.ensemble.model import EnsembleModel
from perennial.errors import TrainingError
from perennial.models.bundle import Bundle
from perennial.models.predictions import Predictions
from perennial.models.reasons import reasons
from tests.packaged import bundled


class Product:
    """A regression whose prediction is a product, so that its columns share what they do."""

    inputs = ("a", "b", "c")

    def predict(self, frame: pd.DataFrame) -> Predictions:
        return Predictions((frame["a"] * frame["b"] + frame["c"]).to_numpy())


def exact(model: Product, row: pd.Series, usual: pd.DataFrame) -> dict[str, float]:
    """Shapley values by all orders and all usual rows."""
    orders = list(permutations(model.inputs))
    moves = dict.fromkeys(model.inputs, 0.0)
    for order in orders:
        frame = usual.copy()
        before = model.predict(frame).values.mean()
        for name in order:
            frame[name] = row[name]
            after = model.predict(frame).values.mean()
            moves[name] += (after - before) / len(orders)
            before = after
    return moves


def test_they_agree_with_exact_shapley_values() -> None:
    random = np.random.default_rng(2)
    usual = pd.DataFrame(random.normal(size=(40, 3)), columns=list("abc"))
    same_rows = pd.DataFrame({"a": [2.0], "b": [3.0], "c": [1.0]}).take([0] * 1_000).reset_index(drop=True)

    found = reasons(Product(), same_rows, usual=usual, orders=4)

    assert found.moves.mean().to_dict() == pytest.approx(exact(Product(), same_rows.iloc[0], usual), abs=0.1)
    assert found.labels == ()


@pytest.mark.parametrize("target", ["label", "text_label", "amount"])
def test_they_add_up_to_the_prediction(tmp_path: Path, target: str) -> None:
    kind = "Regressor" if target == "amount" else "Classifier"
    made = bundled(tmp_path / "one", f"sklearn.ensemble.HistGradientBoosting{kind}", target)
    rows = made.inputs.head(30)

    found = reasons(made.model, rows, usual=made.inputs, orders=3)

    assert list(found.moves.columns) == list(made.model.inputs)
    np.testing.assert_allclose(found.usual + found.moves.sum(axis=1), found.predicted, atol=1e-9)
    said = made.model.predict(rows)
    if target == "amount":
        np.testing.assert_array_equal(found.predicted, said.values)
    elif target == "label":
        np.testing.assert_array_equal(found.predicted, said.probabilities[:, 1])
    else:
        assert found.labels == tuple(said.values if len(said.classes) > 2 else [said.classes[1]] * len(rows))
    assert list(found.strongest(0)) == list(found.moves.iloc[0].abs().sort_values(ascending=False).index[:3])


def test_models_that_serve_together_have_the_mean_of_their_reasons(tmp_path: Path) -> None:
    one = bundled(tmp_path / "one", "sklearn.ensemble.HistGradientBoostingClassifier")
    other = bundled(tmp_path / "other", "sklearn.linear_model.LogisticRegression")
    rows = one.inputs.head(10)
    together = EnsembleModel({"one": one.model, "other": other.model}, {"one": 0.25, "other": 0.75})

    found = [reasons(model, rows, usual=one.inputs, orders=2) for model in (together, one.model, other.model)]

    pd.testing.assert_frame_equal(found[0].moves, 0.25 * found[1].moves + 0.75 * found[2].moves)


def test_without_usual_rows_or_probabilities_it_says_what_to_do(tmp_path: Path) -> None:
    made = bundled(tmp_path / "one", "sklearn.svm.LinearSVC")
    with pytest.raises(TrainingError, match=r"model\.calibration"):
        reasons(made.model, made.inputs.head(2))
    with pytest.raises(TrainingError, match="give some as `usual`"):
        reasons(made.model, made.inputs.head(2), usual=made.inputs.head(0))


def test_a_bundle_explains_the_model_that_serves(tmp_path: Path) -> None:
    served = bundled(tmp_path / "one", "sklearn.linear_model.LogisticRegression")
    twin = bundled(tmp_path / "other", "sklearn.ensemble.RandomForestClassifier").model
    rows = served.inputs.head(5)
    bundle = Bundle(served.manifest, served.model, twin)
    expected = reasons(served.model, rows, usual=served.inputs, orders=2, seed=3)
    pd.testing.assert_frame_equal(bundle.reasons(rows, usual=served.inputs, orders=2, seed=3).moves, expected.moves)
