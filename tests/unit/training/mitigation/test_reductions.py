from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference, true_positive_rate_difference
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from perennial.errors import TrainingError
from perennial.models.formats.skops_format import SkopsFormat
from perennial.models.formats.trusted_types import check_allowed
from perennial.models.predictions import identical
from perennial.training.fit import prepare_fit
from perennial.training.mitigation.reductions import _certain
from tests.unit.training.mitigation.two_groups import grouped_rows

TREE = "sklearn.tree.DecisionTreeClassifier"


def fitted(spec, rows):
    fit = prepare_fit(spec, rows)
    fit.run()
    return fit.model


def mitigated(constraint):
    return {"mitigation": {"column": "sex", "method": "reductions", "constraint": constraint}}


@pytest.mark.parametrize(
    ("constraint", "difference"),
    [
        ("demographic_parity", demographic_parity_difference),
        ("equalized_odds", equalized_odds_difference),
    ],
)
def test_on_new_rows_the_difference_is_much_smaller(make_spec, grouped, constraint, difference):
    new = grouped_rows(3000, seed=4)
    new = new[new["sex"].isin(["f", "m"])]

    def measured(model):
        return difference(new["label"], model.predict(new).values, sensitive_features=new["sex"])

    plain = measured(fitted(make_spec(), grouped))
    assert measured(fitted(make_spec(model=mitigated(constraint)), grouped)) < 0.7 * plain


def test_several_models_are_kept_without_types_of_their_own(make_spec, grouped, tmp_path):
    spec = make_spec(TREE, model={"params": {"max_depth": 3}, **mitigated("demographic_parity")})
    model = fitted(spec, grouped)
    types = SkopsFormat().write(model, tmp_path / "model.skops")
    check_allowed(types, spec)
    read = SkopsFormat().read(tmp_path / "model.skops", types)
    said = read.predict(grouped)
    assert identical(said, model.predict(grouped))
    # The column of the groups is needed in the fit alone.
    assert read.inputs == ("x", "gap", "kind")
    weights = np.array(model.pipeline[-1].weights)
    votes = np.array([one.predict(model.pipeline[:-1].transform(grouped)) for one in model.pipeline[-1].estimators_])
    np.testing.assert_allclose(said.probabilities[:, 1], weights @ votes / weights.sum())
    assert (said.values == 1).tolist() == (said.probabilities[:, 1] > 0.5).tolist()


def test_text_labels_come_back_and_either_may_be_the_positive_one(make_spec, grouped):
    # The positive label is the first of the two, while Fairlearn's is always the second.
    rows = grouped.assign(label=np.where(grouped["label"] == 1, "a late one", "in time"))
    target = {"column": "label", "positive": "a late one"}
    new = grouped_rows(3000, seed=4)
    new = new[new["sex"].isin(["f", "m"])]

    def measured(model):
        said = model.predict(new).values
        assert set(said) == {"a late one", "in time"}
        return true_positive_rate_difference(new["label"], said == "a late one", sensitive_features=new["sex"])

    plain = measured(fitted(make_spec(target=target), rows))
    assert measured(fitted(make_spec(target=target, model=mitigated("equal_opportunity")), rows)) < 0.7 * plain


@pytest.mark.parametrize("estimator", [LogisticRegression(), GaussianNB()])
def test_a_models_probabilities_become_its_labels(estimator):
    random = np.random.default_rng(1)
    rows = random.normal(size=(200, 2))
    model = estimator.fit(rows, (rows[:, 0] + random.normal(size=200) > 0).astype(int))
    certain = _certain(model).predict_proba(rows)
    assert certain[:, 1].tolist() == model.predict(rows).tolist()


def test_a_constant_model_knows_both_labels():
    constant = DummyClassifier(strategy="constant", constant=1).fit([[0]], [1])
    assert _certain(constant).predict_proba([[3.0]]).tolist() == [[0.0, 1.0]]


def test_boosters_of_libraries_are_refused_before_the_fit(make_spec, grouped):
    pytest.importorskip("lightgbm", reason="the extra boosting is not installed")
    spec = make_spec("lightgbm.LGBMClassifier", model=mitigated("equalized_odds"))
    with pytest.raises(TrainingError, match="a bundle holds one booster"):
        prepare_fit(spec, grouped)


def test_three_labels_are_told_before_the_fit(make_spec, grouped):
    rows = grouped.assign(label=np.arange(len(grouped)) % 3)
    with pytest.raises(TrainingError, match=r"model.mitigation is for two labels"):
        prepare_fit(make_spec(model=mitigated("equalized_odds")), rows)
