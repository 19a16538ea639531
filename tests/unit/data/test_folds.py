from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, reject, settings
from hypothesis import strategies as st

from perennial.data.folds import Fold, plan_folds
from perennial.errors import DataError
from perennial.spec import ModelSpec

DAY = pd.Timedelta(days=1)


def spec_of(cross_validation: dict[str, Any] | None = None, **more: Any) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "late",
            "task": "classification",
            "source": {"uri": "rows/", "event_time": "at", "window": {"rows": 5000}},
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


# Not shrunk: with a hundred event times that would take minutes.
BY_TIME = settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
PLANS = {
    "days": st.lists(st.floats(0, 60), min_size=80, max_size=120),
    "folds": st.integers(2, 6),
    "delay": st.sampled_from([0, 0.5, 3]),
    "embargo": st.sampled_from([None, 0.25, 2]),
    "train_days": st.sampled_from([None, 5, 20]),
}


def planned_by_time(
    days: list[float], folds: int, delay: float, embargo: float | None, train_days: float | None
) -> tuple[list[pd.Timestamp], tuple[Fold, ...]]:
    rows = rows_at([*days, 0, 60])
    section = {"folds": folds, "embargo_days": embargo, "train_days": train_days}
    given_fields = {key: value for key, value in section.items() if value is not None}
    try:
        return rows["at"].tolist(), plan_folds(rows, spec_of(given_fields, label_delay_days=delay))
    except DataError:
        # Sixty days in which some folds happen to have no rows, or too few classes.
        reject()


@BY_TIME
@given(**PLANS)
def test_purge_and_embargo_hold_for_every_pair_of_rows(days, folds, delay, embargo, train_days):
    at, planned = planned_by_time(days, folds, delay, embargo, train_days)
    newest_tested = [at[fold.test[-1]] for fold in planned]
    for fold in planned:
        train, test = [at[row] for row in fold.train], [at[row] for row in fold.test]
        assert all(trained + delay * DAY <= tested and trained < tested for trained in train for tested in test)
        assert not any(end < row <= end + (embargo or 0) * DAY for end in newest_tested for row in (*train, *test))
        assert train_days is None or train[-1] - train[0] < train_days * DAY


@BY_TIME
@given(**PLANS)
def test_no_row_is_left_out_without_a_reason(days, folds, delay, embargo, train_days):
    at, planned = planned_by_time(days, folds, delay, embargo, train_days)
    rest = at[-1] - at[0] - (delay + (folds - 1) * (embargo or 0) + (train_days or 0)) * DAY
    length = rest // (folds if train_days else folds + 1)
    ends = [at[-1] - later * (length + (embargo or 0) * DAY) for later in reversed(range(folds))]
    for fold, end in zip(planned, ends, strict=True):
        known, oldest = end - length - delay * DAY, end - length - (delay + (train_days or 61)) * DAY
        apart = [any(one < row <= one + (embargo or 0) * DAY for one in ends[:-1]) for row in at]
        assert fold.test.tolist() == [place for place, row in enumerate(at) if end - length < row <= end]
        assert fold.train.tolist() == [
            place for place, row in enumerate(at) if oldest < row <= known and not apart[place]
        ]


KINDS: dict[str, dict[str, Any]] = {
    "time": {},
    "kfold": {"folds": 4},
    "stratified": {"folds": 4},
    "group": {"folds": 4, "group": "customer"},
    "stratified_group": {"folds": 4, "group": "customer"},
    "leave_one_group_out": {"group": "customer"},
    "leave_one_out": {"time_limit_minutes": 1},
}
CUSTOMERS = np.random.default_rng(1).choice(["anna", "ben", "chen", "dora", "emil", "fay"], 90)


@pytest.mark.parametrize("kind", KINDS)
def test_no_tested_row_is_trained_on_and_none_is_lost(kind):
    rows = rows_at(range(90), customer=CUSTOMERS)
    spec = spec_of({"kind": kind, **KINDS[kind]})
    folds = plan_folds(rows, spec)
    for fold in folds:
        everything = np.concatenate([fold.train, fold.test, fold.left_out])
        assert sorted(everything.tolist()) == list(range(90))
    tested = np.concatenate([fold.test for fold in folds])
    assert len(np.unique(tested)) == len(tested)
    assert kind == "time" or sorted(tested.tolist()) == list(range(90))
    again = plan_folds(rows, spec)
    assert [fold.test.tolist() for fold in again] == [fold.test.tolist() for fold in folds]


@pytest.mark.parametrize("kind", ["group", "stratified_group", "leave_one_group_out"])
def test_no_group_is_divided(kind):
    customers = CUSTOMERS.astype(object)
    customers[::30] = None
    folds = plan_folds(rows_at(range(90), customer=customers), spec_of({"kind": kind, **KINDS[kind]}))
    for fold in folds:
        tested, trained = set(customers[fold.test]) - {None}, set(customers[fold.train]) - {None}
        assert not tested & trained
    # Each of the three rows without a customer is a group of its own.
    assert kind != "leave_one_group_out" or len(folds) == len(set(CUSTOMERS)) + 3


def test_stratified_folds_have_equal_shares_of_each_class():
    rows = rows_at(range(100)).assign(label=np.arange(100) % 5 == 0)
    for fold in plan_folds(rows, spec_of({"kind": "stratified", "folds": 4})):
        assert rows["label"].to_numpy()[fold.test].sum() == 5


def test_the_bounds_are_the_oldest_and_the_newest_row():
    fold = plan_folds(rows_at(range(61)), spec_of())[1]
    begin = pd.Timestamp("2024-01-01", tz="UTC")
    assert fold.train_bounds == (begin, begin + 20 * DAY)
    assert fold.test_bounds == (begin + 21 * DAY, begin + 30 * DAY)


@pytest.mark.parametrize(
    ("section", "more", "message"),
    [
        ({"embargo_days": 15}, {}, "have 60 days, and label delay, embargo and train_days take 60, so nothing is left for 5"),
        ({"train_days": 61}, {}, "take 61"),
        ({"folds": 3}, {"label_delay_days": 58}, "fold 1 of 3 has no rows to test"),
        ({"kind": "kfold", "folds": 90}, {}, "have 61 rows, fewer than the 90 folds of kind kfold"),
        ({"kind": "group", "folds": 7, "group": "team"}, {}, "have 3 groups in 'team', fewer than the 7 folds"),
        ({"kind": "stratified", "folds": 40}, {}, "label 1 has 30 training rows, so it cannot be in each of 40 folds"),
        ({"kind": "leave_one_group_out", "group": "half"}, {}, "fold 1 of 2 tests 31 rows with label 0 and trains on none"),
        ({"kind": "leave_one_out", "time_limit_minutes": 0.001}, {}, "leave-one-out of 61 training rows"),
    ],
)  # fmt: skip
def test_folds_that_the_rows_do_not_allow_are_refused(section, more, message):
    place = np.arange(61)
    rows = rows_at(range(61), team=place % 3, half=place % 2)
    if section.get("folds") == 3:
        rows = rows_at([*np.linspace(0, 1, 30), *np.linspace(59.5, 60, 31)])
    with pytest.raises(DataError, match=message):
        plan_folds(rows, spec_of(section, **more))
