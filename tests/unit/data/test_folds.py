from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.data.folds import plan_folds
from perennial.errors import DataError
from perennial.spec import ModelSpec

DAY = pd.Timedelta(days=1)


def spec_of(cross_validation: dict[str, Any] | None = None, **more: Any) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "late",
            "task": "classification",
            "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
            "target": {"column": "label", "label_delay_days": more.pop("label_delay_days", 0)},
            "features": {"numeric": ["x"]},
            "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
            "evaluation": {"holdout": {"fraction": 0.2}, "primary": "roc_auc"},
            **({"cross_validation": cross_validation} if cross_validation else {}),
            **more,
        }
    )


def rows_at(days: Any, **columns: Any) -> pd.DataFrame:
    """Training rows at so many days after a beginning; their labels alternate."""
    at = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.sort(np.asarray(days, dtype=np.float64)), unit="D")
    frame = pd.DataFrame({"at": pd.Series(at).astype("datetime64[us, UTC]")})
    return frame.assign(x=0.0, label=np.arange(len(frame)) % 2, **columns)


def test_without_a_section_there_are_five_folds_by_time_that_test_equal_times():
    folds = plan_folds(rows_at(range(61)), spec_of())
    assert [fold.number for fold in folds] == [1, 2, 3, 4, 5]
    assert [(len(fold.train), len(fold.test)) for fold in folds] == [(11, 10), (21, 10), (31, 10), (41, 10), (51, 10)]
    assert folds[-1].test[-1] == 60


def test_time_is_the_calendars_and_not_the_number_of_rows():
    busy = [*np.linspace(0, 30, 3000), *range(31, 61)]
    tested = [len(fold.test) for fold in plan_folds(rows_at(busy), spec_of({"kind": "time", "folds": 5}))]
    assert tested[-3:] == [10, 10, 10]
    assert tested[0] > 900


@settings(max_examples=150, deadline=None)
@given(
    days=st.lists(st.floats(0, 60), min_size=80, max_size=120),
    folds=st.integers(2, 6),
    delay=st.sampled_from([0, 0.5, 3]),
    embargo=st.sampled_from([None, 0.25, 2]),
    train_days=st.sampled_from([None, 5, 20]),
)
def test_purge_and_embargo_hold_for_every_pair_of_rows(days, folds, delay, embargo, train_days):
    rows = rows_at([*days, 0, 60])
    section = {"folds": folds, "embargo_days": embargo, "train_days": train_days}
    spec = spec_of({key: value for key, value in section.items() if value is not None}, label_delay_days=delay)
    try:
        planned = plan_folds(rows, spec)
    except DataError:
        return
    at = rows["at"].tolist()
    newest_tested = [max(at[row] for row in fold.test) for fold in planned]
    for fold in planned:
        train, test = fold.train.tolist(), fold.test.tolist()
        assert sorted({*train, *test, *fold.left_out.tolist()}) == list(range(len(rows)))
        assert len(train) + len(test) + len(fold.left_out) == len(rows)
        for tested in test:
            for trained in train:
                assert at[trained] < at[tested]
                assert at[trained] + delay * DAY <= at[tested]
        for end in newest_tested:
            for row in (*train, *test):
                assert not end < at[row] <= end + (embargo or 0) * DAY
        if train_days:
            assert at[train[-1]] - at[train[0]] < train_days * DAY
