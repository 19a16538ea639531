from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from perennial.data.folds import plan_folds
from perennial.errors import TrainingError
from perennial.training.cross_validation import cross_validate
from perennial.training.pipeline import build_pipeline
from perennial.training.records import CrossValidation
from tests.unit.conftest import MakeSpec


def test_the_scores_are_those_of_the_same_folds_by_hand(make_spec: MakeSpec, rows: pd.DataFrame) -> None:
    spec = make_spec(cross_validation={"kind": "time", "folds": 3})
    folds = plan_folds(rows, spec)
    found = cross_validate(spec, rows, folds)
    by_hand = []
    for fold in folds:
        train, test = rows.iloc[fold.train], rows.iloc[fold.test]
        model = build_pipeline(spec).fit(train[["x", "gap", "kind"]], train["label"])
        by_hand.append(roc_auc_score(test["label"], model.predict_proba(test[["x", "gap", "kind"]])[:, 1]))
    assert found.scores["roc_auc"].folds == pytest.approx(by_hand)
    assert found.scores["roc_auc"].mean == pytest.approx(np.mean(by_hand))
    assert found.scores["roc_auc"].spread == pytest.approx(np.std(by_hand, ddof=1))
    assert len(found.fit_seconds) == 3


def test_each_fold_is_told_and_may_end_it(make_spec: MakeSpec, rows: pd.DataFrame) -> None:
    spec = make_spec(cross_validation={"kind": "stratified", "folds": 4})
    told: list[tuple[int, float]] = []

    def after_fold(number: int, score: float) -> None:
        told.append((number, score))
        if number == 2:
            raise StopIteration

    with pytest.raises(StopIteration):
        cross_validate(spec, rows, plan_folds(rows, spec), after_fold=after_fold)
    assert [number for number, _ in told] == [1, 2]
    assert all(score > 0.5 for _, score in told)


def test_leave_one_out_scores_all_rows_together(make_spec: MakeSpec, rows: pd.DataFrame) -> None:
    few = rows.iloc[:25]
    spec = make_spec(cross_validation={"kind": "leave_one_out", "time_limit_minutes": 5})
    found = cross_validate(spec, few, plan_folds(few, spec))
    inputs, label = few[["x", "gap", "kind"]], few["label"]
    said = cross_val_predict(build_pipeline(spec), inputs, label, cv=LeaveOneOut(), method="predict_proba")[:, 1]
    assert found.scores["roc_auc"].mean == pytest.approx(roc_auc_score(label, said))
    assert found.scores["roc_auc"].folds == ()
    assert len(found.fit_seconds) == 25


def test_leave_one_out_that_takes_too_long_ends_after_its_first_fit(make_spec: MakeSpec, rows: pd.DataFrame) -> None:
    slow = {"estimator": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 20}}
    spec = make_spec(model=slow, cross_validation={"kind": "leave_one_out", "time_limit_minutes": 0.01})
    with pytest.raises(
        TrainingError, match=r"leave-one-out of 400 rows would take about [\d.]+ minutes, since the first"
    ):
        cross_validate(spec, rows, plan_folds(rows, spec))


def test_a_fold_without_a_class_is_refused_before_anything_is_fitted(make_spec: MakeSpec, rows: pd.DataFrame) -> None:
    rows.loc[350:, "label"] = 0
    spec = make_spec("sklearn.svm.SVC", cross_validation={"kind": "time", "folds": 8})
    told: list[int] = []
    with pytest.raises(TrainingError, match="fold 8 of 8: roc_auc is not defined on its 45 tested rows, since every"):
        cross_validate(spec, rows, plan_folds(rows, spec), after_fold=lambda number, _: told.append(number))
    assert told == []


def test_what_fails_in_a_fold_names_the_fold(make_spec: MakeSpec, rows: pd.DataFrame) -> None:
    rows.loc[:200, "gap"] = np.nan
    spec = make_spec(cross_validation={"kind": "time", "folds": 3})
    with pytest.raises(TrainingError, match="fold 1 of 3: feature 'gap' has no value in any of the 100 training rows"):
        cross_validate(spec, rows, plan_folds(rows, spec))


def test_numbers_are_scored_on_folds_too(make_spec: MakeSpec, rows: pd.DataFrame) -> None:
    ridge = "sklearn.linear_model.Ridge"
    spec = make_spec(ridge, task="regression", target={"column": "amount"}, cross_validation={"kind": "kfold"})
    found = cross_validate(spec, rows, plan_folds(rows, spec))
    assert {name: len(scores.folds) for name, scores in found.scores.items()} == dict.fromkeys(
        ("rmse", "mae", "r2", "mape"), 5
    )
    assert CrossValidation.model_validate(found.model_dump(mode="json")) == found


def test_a_step_that_makes_another_number_of_columns_in_another_fold_is_named(make_spec, rows, caplog):
    # The last two kinds come after the rows that the first fold's model learns from.
    kinds = np.where(np.arange(len(rows)) < 140, "a", np.where(rows["x"] > 0, "b", "c"))
    late = rows.assign(kind=pd.Series(kinds, dtype="str"))
    encoder = {"transformer": "sklearn.preprocessing.OneHotEncoder", "params": {"handle_unknown": "ignore"}}
    scaler = {"transformer": "sklearn.preprocessing.StandardScaler"}
    spec = make_spec(
        features={
            "numeric": ["x"],
            "categorical": ["kind"],
            "steps": [encoder | {"columns": ["kind"]}, scaler | {"columns": ["x"]}],
        },
        cross_validation={"folds": 2},
    )
    cross_validate(spec, late, plan_folds(late, spec))
    (warning,) = [record.getMessage() for record in caplog.records if "another number" in record.message]
    assert warning == (
        "features.steps[0] (sklearn.preprocessing.OneHotEncoder) makes another number of columns in another fold: "
        "1 in fold 1, 3 in fold 2"
    )
