"""`source.window`: one window, or several whose models serve together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from perennial.digests import retraining_digest
from perennial.spec import ModelSpec, Window
from perennial.spec.reading.messages import explain


def spec_with(window: Any, **parts: Any) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "late",
            "task": "classification",
            "source": {"uri": "rows/", "event_time": "at", "window": window},
            "target": {"column": "y"},
            "features": {"numeric": ["x"]},
            "model": {"estimator": "sklearn.linear_model.LogisticRegression", "ensemble": {"members": 3}},
            "evaluation": {"holdout": {"days": 7}, "primary": "roc_auc"},
            **parts,
        }
    )


def complaints(window: Any, **parts: Any) -> dict[tuple[str | int, ...], str]:
    with pytest.raises(ValidationError) as caught:
        spec_with(window, **parts)
    return {path: message for path, message, _ in map(explain, caught.value.errors())}


def test_windows_keep_their_order():
    source = spec_with([{"days": 60}, {"rows": 900}, {"since": "2013-01-01T00:00:00Z"}]).source
    assert [window.in_words for window in source.windows] == [
        "the last 60 days",
        "the last 900 rows",
        "since 2013-01-01 00:00 UTC",
    ]


def test_a_list_of_one_is_the_same_as_its_window():
    listed, plain = spec_with([{"days": 60}]), spec_with({"days": 60})
    assert listed == plain
    assert listed.source.windows == (Window(days=60),)
    assert retraining_digest(listed) == retraining_digest(plain)
    assert retraining_digest(spec_with([{"days": 60}, {"days": 90}])) != retraining_digest(plain)


def test_a_spec_with_several_windows_is_read_from_its_own_dump():
    spec = spec_with([{"days": 60}, {"days": 90}])
    assert ModelSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("window", "path", "said"),
    [
        ([{"days": 60}, {"rows": 900}, {"days": 60.0}], ("source", "window"), "a window occurs twice"),
        (
            [{"since": "2013-01-01T00:00:00Z"}, {"since": "2013-01-01T01:00:00+01:00"}],
            ("source", "window"),
            "a window occurs twice",
        ),
        ([], ("source", "window"), "the list is empty"),
        ("all", ("source", "window"), "give a mapping with some of the fields days, rows, since, not 'all'"),
        ([{"days": 60}, 90], ("source", "window", 1), "give a mapping with some of the fields days, rows, since"),
        ([{"days": 60}, {"dais": 90}], ("source", "window", 1, "dais"), "unknown field 'dais'"),
        ([{"days": 60}, {"days": 0}], ("source", "window", 1, "days"), "must be greater than 0"),
        ([{"days": 60}, {"days": 6}], ("source", "window", 1, "days"), "nothing is left to train on"),
        ([{"days": days} for days in (60, 70, 80, 90)], ("model", "ensemble", "members"), "3 models cannot serve if"),
    ],
)
def test_what_is_wrong_with_a_list_is_placed(window, path, said):
    assert said in complaints(window)[path]


def test_a_list_without_an_ensemble_is_refused():
    model = {"estimator": "sklearn.linear_model.LogisticRegression"}
    assert (
        "set model.ensemble, or give one window"
        in complaints([{"days": 60}, {"days": 90}], model=model)["source", "window"]
    )


def test_a_share_is_that_of_the_shortest_window_by_rows():
    evaluation = {"holdout": {"fraction": 0.2}, "primary": "roc_auc", "gates": {"min_rows": 100}}
    found = complaints([{"rows": 5000}, {"rows": 400}], evaluation=evaluation)
    assert "0.2 of the window's 400 rows are 80" in found["evaluation", "holdout", "fraction"]
