from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from perennial.data.split import apply_split, plan_split, split_by_time
from perennial.data.split_plan import SplitPlan
from perennial.errors import DataError
from tests.unit.data.conftest import SpecMaker

DAYS = 100


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
