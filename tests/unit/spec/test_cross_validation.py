from __future__ import annotations

import pytest

from perennial.spec import SpecFileError, load_spec


@pytest.mark.parametrize(
    ("section", "field", "said"),
    [
        ("kind: tiem", "kind", "(did you mean 'time'?)"),
        ("kind: kfold, embargo_days: 1", "embargo_days", "has no effect with kind 'kfold': it is for time"),
        ("kind: leave_one_group_out, folds: 5, group: carrier", "folds", "has no effect with kind 'leave_one_group_out'"),
        ("kind: time, group: carrier", "group", "it is for group, stratified_group, leave_one_group_out"),
        ("kind: group", "group", "is required with kind 'group'"),
        ("kind: leave_one_out", "time_limit_minutes", "is required with kind 'leave_one_out'"),
        ("folds: 1", "folds", "must be at least 2"),
        ("kind: group, group: late", "group", "'late' is the target"),
        ("embargo_days: 0.000001", "embargo_days", "days are less than a second"),
        ("embargo_days: 13", "", "the training rows have at most 52 days, and label delay, embargo and train_days take 53"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(write, late, section, field, said):
    path = write("late.yaml", f"{late}cross_validation: {{{section}}}\n")
    with pytest.raises(SpecFileError) as caught:
        load_spec(path)
    (problem,) = caught.value.problems
    assert problem.field == f"cross_validation.{field}".rstrip(".")
    assert said in str(problem)
    assert problem.line == len(late.splitlines()) + 1


def test_stratified_folds_need_classes(write, late):
    regression = late.replace("classification", "regression").replace("roc_auc", "r2")
    with pytest.raises(SpecFileError, match=r"cross_validation\.kind: 'stratified' is for classification only"):
        load_spec(write("late.yaml", f"{regression}cross_validation: {{kind: stratified}}\n"))


def test_leave_one_out_within_leave_one_out_is_refused(write, late):
    calibrated = late.replace("model:\n", "model:\n  calibration: sigmoid\n")
    section = "cross_validation: {kind: leave_one_out, time_limit_minutes: 5}\n"
    with pytest.raises(SpecFileError, match=r"cross_validation\.kind: 'leave_one_out' fits a model for each row"):
        load_spec(write("late.yaml", calibrated + section))


def test_the_group_is_a_column_of_the_snapshot(write, late):
    spec = load_spec(write("late.yaml", f"{late}cross_validation: {{kind: group, group: plane}}\n"))
    assert "plane" in spec.columns
    assert "plane" not in spec.features.input_columns
