from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from perennial.ensemble.model import EnsembleModel
from perennial.models.contract import ModelContract
from perennial.models.formats.skops_format import SkopsFormat
from perennial.models.model import Model
from perennial.models.predictions import Predictions, identical
from tests.unit.models.formats.test_skops_contract import fitted

ESTIMATORS = {
    "classification": ("sklearn.linear_model.LogisticRegression", "sklearn.tree.DecisionTreeClassifier"),
    "regression": ("sklearn.linear_model.Ridge", "sklearn.tree.DecisionTreeRegressor"),
}


def together(task: str, frame: pd.DataFrame, truth: Any) -> EnsembleModel:
    names = ESTIMATORS[task]
    return EnsembleModel(
        {name: fitted(name, task, frame, truth) for name in names}, dict(zip(names, (0.3, 0.7), strict=True))
    )


class TestSeveralModels(ModelContract):
    def classifier(self, frame: pd.DataFrame, labels: Any) -> Model:
        return together("classification", frame, labels)

    def regressor(self, frame: pd.DataFrame, values: Any) -> Model:
        return together("regression", frame, values)

    def round_trip(self, model: Model, folder: Path) -> Model:
        assert isinstance(model, EnsembleModel)
        kept = SkopsFormat()
        types = {name: kept.write(member, folder / name) for name, member in model.members.items()}
        return EnsembleModel({name: kept.read(folder / name, types[name]) for name in types}, model.weights)


class Constant:
    """Says one number of every row, and counts how often it is asked."""

    def __init__(self, value: float, *inputs: str) -> None:
        self.value, self.inputs, self.asked = value, inputs, 0

    def predict(self, frame: pd.DataFrame) -> Predictions:
        self.asked += 1
        return Predictions(np.full(len(frame), self.value))


def test_a_member_without_weight_is_not_asked():
    old, new = Constant(1.0, "a"), Constant(5.0, "a")
    model = EnsembleModel({"old": old, "new": new}, {"old": 0.0, "new": 1.0})
    assert model.predict(pd.DataFrame({"a": [0.0]})).values.tolist() == [5.0]
    assert (old.asked, new.asked) == (0, 1)


def test_it_reads_what_any_member_reads():
    model = EnsembleModel({"old": Constant(1.0, "a", "b"), "new": Constant(2.0, "b", "c")}, {"old": 0.5, "new": 0.5})
    assert model.inputs == ("a", "b", "c")


def test_what_members_said_alone_makes_what_they_say_together():
    frame = pd.DataFrame({"a": [0.0, 1.0]})
    model = EnsembleModel({"old": Constant(1.0, "a"), "new": Constant(2.0, "a")}, {"old": 0.25, "new": 0.75})
    answers = model.answers(frame)
    assert [answers[name].values.tolist() for name in ("old", "new")] == [[1.0, 1.0], [2.0, 2.0]]
    assert identical(model.together(answers), model.predict(frame))
    assert model.predict(frame).values.tolist() == pytest.approx([1.75, 1.75])
