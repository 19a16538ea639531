from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from perennial.errors import TrainingError
from perennial.models.by_group import groups_of
from perennial.training.mitigation.groups import OTHERS, training_groups

MITIGATED = {"mitigation": {"column": "sex", "method": "reweighting"}}


def test_a_group_is_a_value_as_text_and_rows_without_one_are_a_group():
    assert groups_of(pd.Series(["a", None, "b"], dtype="str")).tolist() == ["a", "missing", "b"]


def test_a_whole_number_is_one_group_in_rows_with_and_without_gaps():
    assert groups_of(pd.Series([2, 1])).tolist() == ["2", "1"]
    assert groups_of(pd.Series([2.0, np.nan, 1.5])).tolist() == ["2", "missing", "1.5"]
    assert groups_of(pd.Series([2, None], dtype="Int64")).tolist() == ["2", "missing"]
    assert groups_of(pd.Series([True, False])).tolist() == groups_of(pd.Series([1, 0])).tolist() == ["1", "0"]


def test_groups_with_too_few_rows_of_a_label_are_joined(make_spec, grouped):
    found = training_groups(make_spec(model=MITIGATED), grouped, grouped["label"].to_numpy())
    assert set(found) == {"f", "m", "missing", OTHERS}
    assert (found == OTHERS).tolist() == (grouped["sex"] == "rare").tolist()


@pytest.mark.parametrize(
    ("column", "said"),
    [("x", "has 600 different values"), ("one", r"fewer than two groups .*rows by label: all: \d+, \d+")],
)
def test_what_makes_no_groups_is_an_error_that_names_the_column(make_spec, grouped, column, said):
    rows = grouped.assign(one="all")
    spec = make_spec(model={"mitigation": {"column": column, "method": "reweighting"}})
    with pytest.raises(TrainingError, match=f"model.mitigation.column: '{column}' .*{said}|{said}"):
        training_groups(spec, rows, rows["label"].to_numpy())
