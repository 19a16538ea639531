from __future__ import annotations

from datetime import UTC, datetime

import pytest

from perennial.ensemble.composition import ensemble_manifest, members_of, stay_members
from perennial.models.manifest import Manifest, MeanLoss, Member
from tests.candidates import bundle_manifest, provenance, split_plan

CANDIDATE = bundle_manifest(inputs={"x": "double", "kind": "string"})


def member(name: str, **changes) -> Member:
    return Member(mlflow_run_id=name, weight=0.5, manifest=bundle_manifest(**changes))


def names(members) -> list[str]:
    return [one.mlflow_run_id for one in members]


@pytest.mark.parametrize(
    ("room", "stay"),
    [(0, []), (1, ["three"]), (2, ["two", "three"]), (3, ["one", "two", "three"]), (8, ["one", "two", "three"])],
)
def test_the_newest_stay_for_whom_there_is_room(room, stay):
    earlier = [member("one"), member("two"), member("three")]
    assert names(stay_members(earlier, CANDIDATE, room=room)[0]) == stay


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"task": "regression"}, "it is a model of regression for 'label'"),
        ({"target": "other"}, "for 'other'"),
        ({"inputs": {"gone": "double"}}, "does not read, or reads with another type: gone"),
        ({"inputs": {"x": "string"}}, "reads with another type: x"),
        ({"transform": "features:make"}, "another transform"),
        ({"provenance": provenance(transform_digest="9" * 64)}, "another transform"),
    ],
)
def test_one_that_does_not_answer_the_same_question_stays_no_longer_and_gives_its_place(changes, why):
    earlier = [member("one"), member("odd", **changes), member("three")]
    stay, dropped = stay_members(earlier, CANDIDATE, room=2)
    assert names(stay) == ["one", "three"]
    assert len(dropped) == 1
    assert why in dropped[0]


def test_one_that_has_carried_no_weight_for_long_is_dropped_and_said():
    stay, dropped = stay_members([member("idle"), member("busy")], CANDIDATE, room=4, idle={"idle"})
    assert names(stay) == ["busy"]
    assert dropped == ("the model of 2024-03-01 does not serve any more: it has had almost no weight for over a year",)


def test_a_single_model_is_its_own_member():
    alone = members_of(CANDIDATE, "run")
    assert [(one.mlflow_run_id, one.weight, one.manifest) for one in alone] == [("run", 1.0, CANDIDATE)]


def test_an_ensembles_manifest_is_the_newest_ones_with_all_labels_and_files():
    newest = datetime(2024, 5, 1, tzinfo=UTC)
    old = member("old", labels=(0, 2), files={"model.skops": "1" * 64})
    new = member("new", files={"model.skops": "2" * 64}, split=split_plan(train_end=newest))
    loss = MeanLoss(rows=100, mean=0.2, standard_error=0.01)
    together = ensemble_manifest([old, new], {"roc_auc": 0.9}, loss)
    assert together.labels == (0, 1, 2)
    assert together.files == {"members/old/model.skops": "1" * 64, "members/new/model.skops": "2" * 64}
    assert (together.format, together.served.train_end, together.expected_loss) == ("ensemble", newest, loss)
    assert members_of(together, "whatever") == (old, new)
    assert Manifest.model_validate_json(together.model_dump_json()) == together
