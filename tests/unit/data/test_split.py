from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.data.split import apply_split, labelled_rows, plan_split, plan_splits, split_by_time
from perennial.data.split_plan import SplitPlan
from perennial.errors import DataError
from perennial.spec import Window
from tests.unit.data.conftest import SpecMaker

DAYS = 100
START = datetime(2013, 1, 1, tzinfo=UTC)


def flights(**columns: Any) -> pd.DataFrame:
    at = pd.date_range("2013-01-01", periods=DAYS, freq="D", tz="UTC", unit="us")
    return pd.DataFrame({"at": at, "late": np.arange(DAYS) % 2} | columns)


@pytest.mark.parametrize(("holdout", "rows"), [({"days": 10}, 10), ({"rows": 25}, 25), ({"fraction": 0.2}, 20)])
def test_the_holdout_is_the_end(make_spec: SpecMaker, holdout: dict[str, float], rows: int) -> None:
    spec = make_spec(evaluation={"holdout": holdout, "primary": "roc_auc", "gates": {"min_rows": 5}})
    frame = flights().sample(frac=1, random_state=0)
    split, plan = split_by_time(frame, spec), plan_split(frame, spec)
    assert (len(split.train), len(split.holdout), plan.gap_rows, plan.unlabelled_rows) == (DAYS - rows, rows, 0, 0)
    assert split.train["at"].max() < split.holdout["at"].min()
    assert split.train["at"].is_monotonic_increasing
    assert split.holdout["at"].is_monotonic_increasing


def test_labels_of_training_rows_were_known_when_the_holdout_began(make_spec: SpecMaker) -> None:
    spec = make_spec(target={"column": "late", "label_delay_days": 7})
    split = split_by_time(flights(), spec)
    assert split.holdout["at"].min() - split.train["at"].max() == pd.Timedelta(days=7)
    plan = plan_split(flights(), spec)
    assert (len(split.train), plan.gap_rows, len(split.holdout)) == (74, 6, 20)
    assert (plan.train_rows, plan.holdout_rows, plan.purge_days) == (74, 20, 7)


def test_rows_of_one_moment_are_never_divided(make_spec: SpecMaker) -> None:
    frame = flights()
    frame.loc[75:85, "at"] = frame["at"][80]
    split = split_by_time(frame, make_spec())
    assert len(split.holdout) == 25
    assert split.train["at"].max() < split.holdout["at"].min()


def test_rows_without_label_take_no_part_and_do_not_move_the_end(make_spec: SpecMaker) -> None:
    late = np.where(np.arange(DAYS) < 90, np.arange(DAYS) % 2, np.nan)
    split = split_by_time(flights(late=late), make_spec())
    assert plan_split(flights(late=late), make_spec()).unlabelled_rows == 10
    assert (len(split.train), len(split.holdout)) == (72, 18)
    assert str(split.train["late"].dtype) == str(split.holdout["late"].dtype) == "int64"


def test_no_labels(make_spec: SpecMaker) -> None:
    with pytest.raises(DataError, match="none of the 100 rows has a label in 'late'"):
        split_by_time(flights(late=np.nan), make_spec())


def test_nothing_left_to_train_on(make_spec: SpecMaker) -> None:
    spec = make_spec(evaluation={"holdout": {"days": 200}, "primary": "roc_auc"})
    with pytest.raises(DataError, match="nothing is left to train on: the 100 labelled rows"):
        split_by_time(flights(), spec)
    delayed = make_spec(target={"column": "late", "label_delay_days": 90})
    with pytest.raises(DataError, match="labels take 90 days"):
        split_by_time(flights(), delayed)


@pytest.mark.parametrize("delay", [0, 3])
def test_a_plan_applied_later_to_the_same_rows_gives_the_same_split(make_spec: SpecMaker, delay: float) -> None:
    frame = flights(distance=np.arange(DAYS) * 1.5).sample(frac=1, random_state=1)
    spec = make_spec(target={"column": "late", "label_delay_days": delay})
    plan = SplitPlan.model_validate_json(plan_split(frame, spec).model_dump_json())
    again, at_once = apply_split(frame, plan, "classification"), split_by_time(frame, spec)
    pd.testing.assert_frame_equal(again.train, at_once.train)
    pd.testing.assert_frame_equal(again.holdout, at_once.holdout)
    assert (len(again.train), len(again.holdout)) == (plan.train_rows, plan.holdout_rows)
    assert plan.gap_rows == max(0, delay - 1)


WINDOWS = st.one_of(
    st.integers(12, 150).map(lambda days: Window(days=days)),
    st.integers(12, 150).map(lambda rows: Window(rows=rows)),
    st.integers(-50, DAYS - 12).map(lambda day: Window(since=START + timedelta(days=day))),
)
HOLDOUTS = st.sampled_from([{"days": 5}, {"rows": 7}, {"fraction": 0.3}])


@given(windows=st.lists(WINDOWS, min_size=1, max_size=4, unique=True), holdout=HOLDOUTS, unlabelled=st.integers(0, 4))
def test_all_windows_hold_out_the_same_rows_and_train_on_their_own(
    make_spec: SpecMaker, windows: list[Window], holdout: dict[str, float], unlabelled: int
) -> None:
    spec = make_spec(evaluation={"holdout": holdout, "primary": "roc_auc", "gates": {"min_rows": 1}})
    frame = flights(late=np.where(np.arange(DAYS) < DAYS - unlabelled, np.arange(DAYS) % 2, np.nan))
    as_of = START + timedelta(days=DAYS - 1)
    plans = plan_splits(frame.sample(frac=1, random_state=2), spec, windows, as_of)
    oldest = [_first_day(window) for window in windows]
    alone = plan_split(frame.iloc[max(oldest) :], spec)
    for plan, first in zip(plans, oldest, strict=True):
        assert (plan.holdout_start, plan.holdout_end) == (alone.holdout_start, alone.holdout_end)
        assert plan.train_start == START + timedelta(days=first)
        split = apply_split(frame, plan, "classification")
        assert (len(split.train), len(split.holdout)) == (plan.train_rows, plan.holdout_rows)
        everything = labelled_rows(frame, plan, "classification")
        assert len(everything) == DAYS - first - unlabelled == len(split.train) + len(split.holdout)
        assert plan.unlabelled_rows == unlabelled


def _first_day(window: Window) -> int:
    """Return the oldest day of a window of the last of DAYS days."""
    if window.since is not None:
        return max(0, (window.since - START).days)
    return max(0, DAYS - int(window.days or window.rows or 0))


def test_one_window_is_planned_as_without_a_list(make_spec: SpecMaker) -> None:
    spec, as_of = make_spec(), START + timedelta(days=DAYS - 1)
    assert plan_splits(flights(), spec, spec.source.windows, as_of) == (plan_split(flights(), spec),)


def test_a_window_within_the_holdout_is_an_error(make_spec: SpecMaker) -> None:
    spec = make_spec(evaluation={"holdout": {"rows": 20}, "primary": "roc_auc", "gates": {"min_rows": 5}})
    with pytest.raises(DataError, match="nothing is left to train on: the 15 labelled rows"):
        plan_splits(flights(), spec, (Window(days=90), Window(days=15)), START + timedelta(days=DAYS - 1))
