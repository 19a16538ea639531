from __future__ import annotations

import pytest
from pydantic import ValidationError

from perennial.linting.estimator import check_estimator
from perennial.linting.mitigation import check_mitigation
from perennial.spec import Features
from perennial.spec.model import Model
from perennial.spec.reading.finding import Caution

LOGISTIC, TREE = "sklearn.linear_model.LogisticRegression", "sklearn.tree.DecisionTreeClassifier"
REWEIGHTING = {"column": "sex", "method": "reweighting"}
REDUCTIONS = {"column": "sex", "method": "reductions", "constraint": "equalized_odds"}
THRESHOLD = {"column": "sex", "method": "threshold", "constraint": "equal_opportunity"}
FEATURES = Features(numeric=("x",))


def model(mitigation, estimator=LOGISTIC, **more):
    return Model.model_validate({"estimator": estimator, "mitigation": mitigation, **more})


@pytest.mark.parametrize(
    ("mitigation", "more", "said"),
    [
        (REWEIGHTING | {"constraint": "equalized_odds"}, {}, "is not for reweighting"),
        ({"column": "sex", "method": "reductions"}, {}, "is missing: say what should be alike"),
        (THRESHOLD | {"constraint": "equalized_odds"}, {}, "choose equal_opportunity, or the method reductions"),
        (THRESHOLD, {"imbalance": {"threshold": "f1"}}, "for accuracy or balanced_accuracy only"),
        (THRESHOLD, {"ensemble": {"members": 3}}, "one threshold, not one for each group"),
        (THRESHOLD, {"update": {"iterations": 5, "full_every": 4}}, "is learnt from models of folds"),
        (REDUCTIONS, {"weights": {"half_life_days": 9}}, "reductions weigh the rows themselves"),
        (REDUCTIONS, {"imbalance": {"class_weights": "balanced"}}, "reductions weigh the rows themselves"),
        (REDUCTIONS, {"imbalance": {"threshold": "accuracy"}}, "would undo"),
        (REDUCTIONS, {"calibration": "sigmoid"}, "would undo"),
        (REDUCTIONS, {"checkpoint_minutes": 5}, "none of them is stored"),
        (REDUCTIONS, {"update": {"iterations": 5, "full_every": 4}}, "each of them anew"),
        (REWEIGHTING, {"imbalance": {"resampling": {"sampler": "imblearn.over_sampling.SMOTE"}}}, "have no group"),
    ],
)
def test_what_cannot_go_together_is_refused_with_a_reason(mitigation, more, said):
    with pytest.raises(ValidationError, match=said):
        model(mitigation, **more)


def test_thresholds_by_group_go_with_calibration_resampling_and_a_metric_for_them():
    sampler = {"sampler": "imblearn.over_sampling.SMOTE"}
    model(THRESHOLD, calibration="isotonic", imbalance={"threshold": "balanced_accuracy", "resampling": sampler})


def test_a_regression_and_a_column_that_is_no_group_are_refused(make_spec):
    with pytest.raises(ValidationError, match="is for classification only"):
        make_spec("sklearn.linear_model.Ridge", task="regression", model={"mitigation": REWEIGHTING})
    with pytest.raises(ValidationError, match="'label' is the target or the event time"):
        make_spec(model={"mitigation": REWEIGHTING | {"column": "label"}})


def test_a_part_of_the_key_may_be_the_column_of_groups(make_spec):
    source = make_spec().source.model_dump() | {"key": ["day", "carrier"]}
    assert (
        make_spec(source=source, model={"mitigation": REWEIGHTING | {"column": "carrier"}}).mitigated_column
        == "carrier"
    )


def test_the_column_is_in_the_snapshot_and_no_pattern_takes_it_as_a_feature(make_spec):
    spec = make_spec(model={"mitigation": REWEIGHTING}, features={"numeric": ["x", "*"]})
    assert "sex" in spec.columns
    assert "sex" in spec.training_columns
    assert "sex" not in spec.with_columns(["x", "y", "sex"]).features.columns


@pytest.mark.parametrize("mitigation", [REWEIGHTING, REDUCTIONS])
def test_estimators_without_weights_of_rows_are_refused(mitigation):
    (found,) = check_estimator(model(mitigation, "sklearn.neighbors.KNeighborsClassifier"), "classification", None)
    assert found.path == ("model", "mitigation")
    assert "takes no sample_weight" in found.message


def test_thresholds_need_probabilities_but_no_weights(make_spec):
    evaluation = make_spec().evaluation
    neighbours = model(THRESHOLD, "sklearn.neighbors.KNeighborsClassifier")
    assert list(check_estimator(neighbours, "classification", evaluation)) == []
    found = list(check_estimator(model(THRESHOLD, "sklearn.svm.LinearSVC"), "classification", evaluation))
    assert [one.path for one in found] == [("model", "mitigation")]


def test_reductions_give_a_probability_to_what_only_ranks(make_spec):
    evaluation = make_spec().evaluation
    assert list(check_estimator(model(REDUCTIONS, "sklearn.svm.LinearSVC"), "classification", evaluation)) == []


def test_lint_says_which_column_the_served_model_needs():
    (found,) = check_mitigation(model(THRESHOLD).mitigation, model(THRESHOLD), FEATURES)
    assert isinstance(found, Caution)
    assert "'sex' is no feature, but thresholds by group need it wherever the model serves" in found.message
    with_it = Features(numeric=("x",), categorical=("sex",))
    assert list(check_mitigation(model(THRESHOLD).mitigation, model(THRESHOLD), with_it)) == []
    for other in (REWEIGHTING, REDUCTIONS):
        assert list(check_mitigation(model(other).mitigation, model(other), FEATURES)) == []


def test_boosters_of_libraries_cannot_be_reduced():
    pytest.importorskip("lightgbm", reason="the extra boosting is not installed")
    reduced = model(REDUCTIONS, "lightgbm.LGBMClassifier")
    (found,) = check_mitigation(reduced.mitigation, reduced, FEATURES)
    assert "a bundle holds one booster" in found.message
