from __future__ import annotations

import pytest

from perennial.linting.imbalance import check_resampling
from perennial.spec import Features
from perennial.spec.imbalance import Resampling
from perennial.spec.reading.finding import Caution

MIXED = Features(numeric=("x",), categorical=("kind",))


def found(sampler, features=MIXED, **params):
    findings = list(check_resampling(Resampling(sampler=f"imblearn.{sampler}", params=params), features))
    return {".".join(map(str, one.path[3:])): f"{one.message} ({one.hint})" for one in findings}


@pytest.mark.parametrize("sampler", ["over_sampling.SMOTENC", "under_sampling.RandomUnderSampler"])
def test_a_good_sampler_is_not_complained_about(sampler):
    assert found(sampler) == {}


@pytest.mark.parametrize(
    ("sampler", "params", "path", "said"),
    [
        ("over_sampling.SMOT", {}, "sampler", "did you mean 'SMOTE'?"),
        ("metrics.geometric_mean_score", {}, "sampler", "a class with fit_resample is needed"),
        ("over_sampling.SMOTENC", {"k_neighbours": 3}, "params.k_neighbours", "did you mean 'k_neighbors'?"),
        ("over_sampling.SMOTENC", {"k_neighbors": 0}, "params", "SMOTENC refuses them"),
    ],
)
def test_what_is_wrong_is_named(sampler, params, path, said):
    assert said in found(sampler, **params)[path]


def test_samplers_that_do_not_suit_the_features_are_named():
    only_numbers = Features(numeric=("x",))
    assert "no feature is categorical (take SMOTE)" in found("over_sampling.SMOTENC", only_numbers)["sampler"]
    assert found("over_sampling.SMOTE", only_numbers) == {}
    (caution,) = check_resampling(Resampling(sampler="imblearn.over_sampling.SMOTE"), MIXED)
    assert isinstance(caution, Caution)
    assert "between two categories" in caution.message
