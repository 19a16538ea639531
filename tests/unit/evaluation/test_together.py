from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from perennial.ensemble.model import EnsembleModel
from perennial.ensemble.records import MemberWeight
from perennial.evaluation.rival import Rival
from perennial.evaluation.together import judge_together
from perennial.models.manifest import Member
from perennial.models.predictions import Predictions
from perennial.registry.records import Champion
from tests.candidates import bundle_manifest, provenance

END = datetime(2024, 6, 1, tzinfo=UTC)
MANIFEST = bundle_manifest(task="regression", labels=(), positive=None, provenance=provenance(data_end=END))
ROWS = pd.DataFrame(
    {
        "x": np.arange(200.0),
        "label": np.zeros(200),
        "at": pd.date_range(END, periods=200, freq="h").astype("datetime64[us, UTC]"),
    }
)


class Off:
    """A model that is wrong by one number in every row."""

    inputs = ("x",)

    def __init__(self, by: float) -> None:
        self.by = by

    def predict(self, frame: pd.DataFrame) -> Predictions:
        return Predictions(np.full(len(frame), self.by))


def judged(candidate: float | dict[str, float], at_most: int = 5, idle_since=None, **members: float):
    manifests = {name: Member(mlflow_run_id=name, weight=1.0, manifest=MANIFEST) for name in members}
    models = {name: Off(by) for name, by in members.items()}
    model = EnsembleModel(models, dict.fromkeys(members, 1.0)) if len(models) > 1 else next(iter(models.values()))
    champion = Champion(
        version="7",
        mlflow_run_id=next(reversed(members)),
        weights=tuple(
            MemberWeight(mlflow_run_id=name, weight=1.0, idle_since=idle_since) for name in list(members)[:1]
        ),
    )
    candidates = candidate if isinstance(candidate, dict) else {"new": candidate}
    return judge_together(
        {name: Predictions(np.full(len(ROWS), by)) for name, by in candidates.items()},
        MANIFEST,
        champion=champion,
        rival=Rival(model, members=tuple(manifests.values())),
        rows=ROWS,
        at_most=at_most,
    )


def test_both_sides_get_the_weights_that_their_losses_on_these_rows_give():
    found = judged(1.0, old=2.0, newer=4.0)
    with_it = np.array([(1 / 2) ** 8, (1 / 4) ** 8, 1.0])
    without = np.array([1.0, (2 / 4) ** 8])
    assert [one.mlflow_run_id for one in found.judged.members] == ["old", "newer", "new"]
    assert [one.loss for one in found.judged.members] == [2.0, 4.0, 1.0]
    np.testing.assert_allclose([one.weight for one in found.judged.members], with_it / with_it.sum())
    assert found.said.values[0] == pytest.approx(with_it @ [2, 4, 1] / with_it.sum())
    assert found.without.values[0] == pytest.approx(without @ [2, 4] / without.sum())
    assert found.judged.loss.mean == pytest.approx(found.said.values[0])


def test_a_champion_that_is_one_model_becomes_a_member():
    found = judged(1.0, only=1.0)
    assert [(one.mlflow_run_id, one.weight) for one in found.judged.members] == [("only", 0.5), ("new", 0.5)]
    assert "together with the model of champion v7" in found.notes[0]


def test_the_oldest_makes_room_in_what_would_serve_and_is_among_what_serves():
    found = judged(1.0, at_most=2, old=1.0, newer=3.0)
    assert [one.mlflow_run_id for one in found.judged.members] == ["newer", "new"]
    assert found.without.values[0] < 1.01


@pytest.mark.parametrize(("days", "stays"), [(365, True), (367, False)])
def test_a_member_without_weight_for_over_a_year_is_dropped_and_said(days, stays):
    found = judged(1.0, idle_since=END - timedelta(days=days), old=1.0, newer=1.0)
    assert ("old" in {one.mlflow_run_id for one in found.judged.members}) == stays
    assert any("no weight for over a year" in note for note in found.notes) != stays


def test_the_candidates_of_all_windows_are_weighed_and_take_the_places_of_the_oldest():
    found = judged({"long": 2.0, "short": 1.0}, at_most=3, old=1.0, newer=4.0)
    weights = np.array([(1 / 4) ** 8, (1 / 2) ** 8, 1.0])
    assert [one.mlflow_run_id for one in found.judged.members] == ["newer", "long", "short"]
    np.testing.assert_allclose([one.weight for one in found.judged.members], weights / weights.sum())
    assert found.said.values[0] == pytest.approx(weights @ [4, 2, 1] / weights.sum())
    assert "2 models, one for each window, are judged together with the model of champion v7" in found.notes[0]
    assert found.notes[0].endswith("; they have 100% of the weight")


def test_the_candidates_of_several_windows_are_judged_together_also_without_a_champion():
    candidates = {name: Predictions(np.full(len(ROWS), by)) for name, by in {"long": 2.0, "short": 1.0}.items()}
    found = judge_together(candidates, MANIFEST, champion=None, rival=Rival(), rows=ROWS, at_most=2)
    assert [one.mlflow_run_id for one in found.judged.members] == ["long", "short"]
    assert found.without is None
    assert found.notes == ("2 models, one for each window, are judged, each weighted by its loss on these rows",)


def test_where_no_member_can_go_on_the_candidate_is_judged_alone():
    assert judged(1.0, idle_since=END - timedelta(days=400), only=1.0) is None
