from __future__ import annotations

import pytest

from perennial.errors import TrainingError
from perennial.models.transform import features_of, load_transform


def _features(module: str, function: str, **more: object) -> dict[str, object]:
    return {"numeric": ["hour"], "transform": f"{module}:{function}", "inputs": ["at", "x"], **more}


def test_features_are_made_from_the_inputs(make_spec, rows, transform_module):
    features = features_of(make_spec(features=_features(transform_module, "hourly")), rows)

    assert list(features.columns) == ["hour"]
    assert features["hour"].tolist() == rows["at"].dt.hour.tolist()
    assert "hour" not in rows


def test_without_a_transform_the_features_are_columns_of_the_rows(make_spec, rows):
    assert list(features_of(make_spec(), rows).columns) == ["x", "gap", "kind"]


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"function": "halved"}, "made 200 rows from 400"),
        ({"function": "broken"}, "failed on 400 rows: KeyError: 'nothing'"),
        ({"function": "hourly", "numeric": ["hour", "minute"]}, "returned no column minute"),
    ],
)
def test_a_transform_that_breaks_its_promise_is_named(make_spec, rows, transform_module, features, said):
    spec = make_spec(features=_features(transform_module, **features))

    with pytest.raises(TrainingError, match=f"features.transform: {transform_module}:.*{said}"):
        features_of(spec, rows)


@pytest.mark.parametrize(
    ("function", "said"),
    [("absent", "has no function 'absent'"), ("unnamed", "define it with 'def' at the top level")],
)
def test_a_function_that_cannot_be_found_again_is_refused(transform_module, function, said):
    with pytest.raises(TrainingError, match=said):
        load_transform(f"{transform_module}:{function}")


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(TrainingError, match="module 'nowhere' cannot be imported"):
        load_transform("nowhere:function")
