from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, true_positive_rate_difference
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.dummy import DummyClassifier
from sklearn.metrics import balanced_accuracy_score

from perennial.data.folds import plan_folds
from perennial.errors import TrainingError
from perennial.models.by_group import groups_of
from perennial.training.cross_validation import cross_validate
from perennial.training.fit import prepare_fit
from perennial.training.mitigation.group_thresholds import choose_thresholds
from tests.unit.training.mitigation.two_groups import grouped_rows


def mitigated(constraint="demographic_parity", **more):
    return {"mitigation": {"column": "sex", "method": "threshold", "constraint": constraint}, **more}


def fitted(spec, rows):
    fit = prepare_fit(spec, rows)
    fit.run()
    return fit.model


@pytest.mark.parametrize(
    ("constraint", "difference", "calibration"),
    [
        ("demographic_parity", demographic_parity_difference, None),
        ("equal_opportunity", true_positive_rate_difference, "isotonic"),
    ],
)
def test_on_new_rows_the_difference_is_much_smaller(make_spec, grouped, constraint, difference, calibration):
    new = grouped_rows(3000, seed=4)
    new = new[new["sex"].isin(["f", "m"])]

    def measured(model):
        return difference(new["label"], model.predict(new).values, sensitive_features=new["sex"])

    spec = make_spec(model=mitigated(constraint, calibration=calibration))
    assert measured(fitted(spec, grouped)) < 0.5 * measured(fitted(make_spec(), grouped))


def test_the_label_of_a_row_follows_from_its_group_and_unknown_groups_have_the_threshold_of_all(make_spec, grouped):
    model = fitted(make_spec(model=mitigated()), grouped)
    own = model.pipeline[-1].thresholds
    assert set(own.at) == {"f", "m", "missing"}
    assert own.at["f"] < own.otherwise < own.at["m"]
    rows = grouped.assign(sex=np.where(grouped["sex"] == "m", "never seen", grouped["sex"]))
    said = model.predict(rows)
    needed = np.array([own.at.get(one, own.otherwise) for one in groups_of(rows["sex"])])
    assert (said.values == 1).tolist() == (said.probabilities[:, 1] >= needed).tolist()
    assert said.threshold is None


def test_the_column_is_an_input_of_the_model_although_it_is_no_feature(make_spec, grouped):
    model = fitted(make_spec(model=mitigated()), grouped)
    assert model.inputs == ("x", "gap", "kind", "sex")
    with pytest.raises(KeyError):
        model.predict(grouped.drop(columns="sex"))


def test_the_common_rate_is_that_of_fairlearn_and_nothing_is_drawn_by_chance():
    random = np.random.default_rng(0)
    groups = random.choice(["a", "b"], 3000).astype(object)
    positive = random.random(3000) < np.where(groups == "a", 0.2, 0.5)
    probability = np.clip(0.3 * positive + random.random(3000) * 0.7, 0, 1)
    found = choose_thresholds(
        "g", 1, "demographic_parity", "balanced_accuracy", groups=groups, positive=positive, probability=probability
    )
    said = probability >= np.array([found.at[one] for one in groups])
    # Fairlearn's estimator of the best trade-off, whose labels are partly drawn by chance.
    both = np.column_stack([1 - probability, probability])
    theirs = ThresholdOptimizer(
        estimator=DummyClassifier().fit(both, positive),
        constraints="demographic_parity",
        objective="balanced_accuracy_score",
        prefit=True,
        predict_method="predict_proba",
    )
    theirs.estimator.predict_proba = lambda rows: rows
    drawn = theirs.fit(both, positive.astype(int), sensitive_features=groups)._pmf_predict(
        both, sensitive_features=groups
    )
    for one in "ab":
        assert said[groups == one].mean() == pytest.approx(drawn[groups == one, 1].mean(), abs=2e-3)
    expected = (drawn[positive, 1].mean() + drawn[~positive, 0].mean()) / 2
    assert balanced_accuracy_score(positive, said) == pytest.approx(expected, abs=5e-3)


def test_folds_are_judged_by_the_thresholds_of_their_groups(make_spec, grouped):
    spec = make_spec(model=mitigated(), cross_validation={"kind": "kfold", "folds": 2})
    plain = make_spec(cross_validation={"kind": "kfold", "folds": 2})
    folds = plan_folds(grouped, spec)
    scores, without = (cross_validate(one, grouped, folds).scores for one in (spec, plain))
    assert scores["roc_auc"] == without["roc_auc"]
    assert scores["accuracy"] != without["accuracy"]


def test_an_estimator_without_probabilities_is_told(make_spec, grouped):
    spec = make_spec("sklearn.svm.LinearSVC", model=mitigated())
    with pytest.raises(TrainingError, match=r"model.mitigation: sklearn.svm.LinearSVC gives no probabilities"):
        fitted(spec, grouped)


def test_what_makes_no_groups_is_told_before_the_fit(make_spec, grouped):
    with pytest.raises(TrainingError, match=r"model.mitigation.column: 'sex' has fewer than two groups"):
        prepare_fit(make_spec(model=mitigated()), grouped.assign(sex="f"))
