from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from perennial.data.folds import plan_folds
from perennial.training.cross_validation import cross_validate
from perennial.training.pipeline import build_pipeline
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
