"""A replay knows at a moment what was known then, and nothing that became known later."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from perennial.errors import DataError
from perennial.policy.history import read_history
from tests.unit.policy.conftest import START, drifting_rows

SOURCE = {"uri": "rows/", "event_time": "at", "window": {"days": 20}, "key": ["id"], "known_time": "known"}


def corrected_rows(days_later: float = 10) -> pd.DataFrame:
    """The label of row 5 was 1 at first, and corrected to 0 days later; `known` is missing elsewhere."""
    rows = drifting_rows(1_000)
    rows["known"] = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
    rows.loc[5, ["y", "known"]] = [1, pd.Timestamp(rows["at"][5])]
    correction = rows.loc[[5]].assign(y=0, known=rows["at"][5] + timedelta(days=days_later))
    return pd.concat([rows, correction], ignore_index=True)


def label_of(frame: pd.DataFrame, key: str) -> float:
    return frame.loc[frame["id"] == key, "y"].item()


def test_a_correction_counts_from_the_moment_when_it_became_known(make_run):
    history = read_history(make_run(corrected_rows(), source=SOURCE))
    corrected_at = START + timedelta(hours=5, days=10)
    assert label_of(history.known_at(corrected_at - timedelta(seconds=1)), "5") == 1
    assert label_of(history.known_at(corrected_at), "5") == 0


def test_a_batch_is_scored_by_the_label_that_was_known_when_it_had_matured(make_run):
    late = read_history(make_run(corrected_rows(10), source=SOURCE, target={"column": "y", "label_delay_days": 3}))
    early = read_history(make_run(corrected_rows(1), source=SOURCE, target={"column": "y", "label_delay_days": 3}))
    assert (label_of(late.matured(), "5"), label_of(early.matured(), "5")) == (1, 0)
    assert len(late.matured()) == len(early.matured()) == 1_000 - 3 * 24


def test_a_row_that_became_known_late_is_in_no_training_before(make_run):
    rows = drifting_rows(1_000)
    rows["known"] = rows["at"]
    rows.loc[7, "known"] += pd.Timedelta(days=30)
    history = read_history(make_run(rows, source=SOURCE))
    moment = START + timedelta(days=20)
    assert "7" not in set(history.known_at(moment)["id"])
    assert "7" in set(history.known_at(START + timedelta(days=31))["id"])
    assert "7" in set(history.matured()["id"])


def test_labels_that_had_not_matured_are_left_out(make_run):
    history = read_history(make_run(target={"column": "y", "label_delay_days": 2}))
    at = START + timedelta(days=10)
    known = history.known_at(at)
    assert known["at"].max() == pd.Timestamp(at)
    assert known.loc[known["y"].notna(), "at"].max() == pd.Timestamp(at - timedelta(days=2))


def test_equal_rows_count_once_and_the_order_of_the_files_does_not_matter(make_run):
    rows = drifting_rows(500)
    straight = read_history(make_run(rows))
    shuffled = read_history(make_run(pd.concat([rows, rows.head(100)]).sample(frac=1, random_state=1)))
    assert straight.table.equals(shuffled.table)


def test_a_source_without_the_named_column_is_refused(make_run):
    with pytest.raises(DataError, match=r"'known', which source\.known_time names"):
        read_history(make_run(source=SOURCE))
