from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
from sklearn.dummy import DummyClassifier

from perennial.errors import TrainingError
from perennial.models.formats.skops_format import SkopsFormat
from perennial.models.formats.trusted_types import check_allowed
from perennial.models.predictions import identical
from perennial.training.fit import prepare_fit
from perennial.training.mitigation.reductions import _with_both_labels
from tests.unit.training.mitigation.two_groups import grouped_rows

TREE = "sklearn.ensemble.HistGradientBoostingClassifier"
SMALL = {"max_iter": 3}


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
    reduced = measured(fitted(make_spec(model=mitigated(constraint)), grouped))
    assert reduced < 0.5 * plain


def test_several_models_are_kept_without_types_of_their_own(make_spec, grouped, tmp_path):
    spec = make_spec(TREE, model={"params": SMALL, **mitigated("demographic_parity")})
    model = fitted(spec, grouped)
    types = SkopsFormat().write(model, tmp_path / "model.skops")
    check_allowed(types, spec)
    read = SkopsFormat().read(tmp_path / "model.skops", types)
    assert identical(read.predict(grouped), model.predict(grouped))
    # The column of the groups is needed in the fit alone.
    assert read.inputs == ("x", "gap", "kind")


def test_text_labels_come_back_and_either_may_be_the_positive_one(make_spec, grouped):
    rows = grouped.assign(label=np.where(grouped["label"] == 1, "a late one", "in time"))
    target = {"column": "label", "positive": "a late one"}
    model = fitted(make_spec(target=target, model=mitigated("equal_opportunity")), rows)
    by_number = fitted(make_spec(model=mitigated("equal_opportunity")), grouped)
    said, theirs = model.predict(rows), by_number.predict(grouped)
    assert set(said.values) == {"a late one", "in time"}
    # The other code for the same label, so the same search up to the order of its steps.
    assert np.mean((said.values == "a late one") == (theirs.values == 1)) > 0.97


def test_a_constant_model_among_the_others_knows_both_labels():
    constant = DummyClassifier(strategy="constant", constant=1).fit([[0]], [1])
    assert _with_both_labels(constant).predict_proba([[3.0]]).tolist() == [[0.0, 1.0]]


def test_boosters_of_libraries_are_refused_before_the_fit(make_spec, grouped):
    pytest.importorskip("lightgbm", reason="the extra boosting is not installed")
    spec = make_spec("lightgbm.LGBMClassifier", model=mitigated("equalized_odds"))
    with pytest.raises(TrainingError, match="a bundle holds one booster"):
        prepare_fit(spec, grouped)


def test_three_labels_are_told_before_the_fit(make_spec, grouped):
    rows = grouped.assign(label=np.arange(len(grouped)) % 3)
    with pytest.raises(TrainingError, match=r"model.mitigation is for two labels"):
        prepare_fit(make_spec(model=mitigated("equalized_odds")), rows)
