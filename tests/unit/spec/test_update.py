from __future__ import annotations

import pytest
from pydantic import ValidationError

from perennial.spec import Model

UPDATE = {"iterations": 20, "full_every": 8}
FOREST = {"estimator": "sklearn.ensemble.RandomForestClassifier", "update": UPDATE}


@pytest.mark.parametrize(
    ("more", "path", "said"),
    [
        ({"ensemble": {"members": 3}}, ("ensemble",), "cannot serve beside it"),
        ({"calibration": "sigmoid"}, ("calibration",), "each of which would begin anew"),
        ({"imbalance": {"threshold": "f1"}}, ("imbalance", "threshold"), "each of which would begin anew"),
        ({"imbalance": {"resampling": {"sampler": "a.B"}}}, ("imbalance", "resampling"), "the new rows only"),
        ({"weights": {"half_life_days": 9.0}}, ("weights", "half_life_days"), "cannot be given less weight"),
        ({"params": {"early_stopping_rounds": 9}}, ("params",), "update.iterations states those of an update"),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_continued_is_refused_at_its_place(more, path, said):
    with pytest.raises(ValidationError) as refused:
        Model.model_validate(FOREST | more)
    (error,) = refused.value.errors()
    assert error["loc"] == path
    assert error["msg"].startswith("not with model.update: ")
    assert said in error["msg"]


def test_an_update_says_how_much_is_added_and_when_all_begins_anew():
    assert Model.model_validate(FOREST).update.full_every == 8
    for missing in UPDATE:
        rest = {name: value for name, value in UPDATE.items() if name != missing}
        with pytest.raises(ValidationError, match=missing):
            Model.model_validate(FOREST | {"update": rest})


def test_a_search_is_refused_since_it_would_choose_another_estimator():
    candidates = [{"estimator": "a.B"}, {"estimator": "a.C"}]
    with pytest.raises(ValidationError, match=r"candidates\n.*name one estimator"):
        Model.model_validate({"candidates": candidates, "update": UPDATE})
