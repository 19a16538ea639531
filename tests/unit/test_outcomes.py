"""What travels between stages is JSON that every reader takes, NaN included."""

from __future__ import annotations

import json
import math

import pytest

from perennial.evaluation.records import Scores
from perennial.promotion.records import GateResult
from perennial.record import Record


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.25])
def test_any_figure_survives_strict_json(value: float) -> None:
    scores = Scores(metrics={"roc_auc": value})

    text = json.dumps(scores.model_dump(mode="json"), allow_nan=False)

    assert repr(Scores.model_validate_json(text).metrics["roc_auc"]) == repr(value)


def test_a_gate_without_figures_stays_without() -> None:
    gate = GateResult(name="labels", passed=True, sentence="two labels")
    assert GateResult.model_validate(gate.model_dump(mode="json")).value is None


def test_an_infinite_number_survives_a_file() -> None:
    class Place(Record):
        at: float

    assert Place.model_validate_json(Place(at=math.inf).model_dump_json()).at == math.inf
