from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.training.fit import prepare_fit
from perennial.training.mitigation.reweighting import weigh_groups


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_weighted_label_and_group_are_independent_and_both_keep_their_shares(seed, given_weights):
    random = np.random.default_rng(seed)
    # Each group with each label once, so that no cell is empty.
    groups = np.array([*"abab", *random.choice(["a", "b"], 40)], dtype=object)
    labels = np.array([0, 0, 1, 1, *random.integers(0, 2, 40)])
    weights = random.uniform(0.1, 3, 44) if given_weights else None
    count = np.ones(44) if weights is None else weights
    weighted = count * weigh_groups(groups, labels, weights)
    made = np.array([[weighted[(groups == one) & (labels == label)].sum() for label in (0, 1)] for one in "ab"])
    np.testing.assert_allclose(made, np.outer(made.sum(axis=1), made.sum(axis=0)) / made.sum())
    np.testing.assert_allclose(made.sum(axis=1), [count[groups == one].sum() for one in "ab"])
    np.testing.assert_allclose(made.sum(axis=0), [count[labels == one].sum() for one in (0, 1)])


def test_rows_of_weight_0_stay_so():
    factors = weigh_groups(np.array(["a", "a", "b"]), np.array([0, 1, 1]), np.array([0.0, 1.0, 1.0]))
    assert np.isfinite(factors).all()


def test_the_fit_multiplies_weights_of_rows_labels_and_groups(make_spec, grouped):
    rows = grouped.assign(w=2.0)
    plain = make_spec(model={"mitigation": {"column": "sex", "method": "reweighting"}})
    spec = make_spec(
        model={"weights": {"column": "w"}, "mitigation": {"column": "sex", "method": "reweighting"}},
    )
    np.testing.assert_allclose(prepare_fit(spec, rows).weights, 2 * prepare_fit(plain, rows).weights)
