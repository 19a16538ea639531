"""What is found in the cache of features is what would be made; whatever it follows from gives it another name."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.data.folds import plan_folds
from perennial.spec import ModelSpec
from perennial.spec.concerns import Concern, digest_of
from perennial.training.cross_validation import cross_validate
from perennial.training.features import feature_digests
from perennial.training.features.feature_cache import FeatureCache
from perennial.training.features.feature_digests import features_digest
from perennial.training.features.preparation import Readers

ENCODER, QUANTILES = "sklearn.preprocessing.TargetEncoder", "sklearn.preprocessing.QuantileTransformer"
STEPS: list[dict[str, Any]] = [
    {"transformer": ENCODER, "columns": ["kind"]},
    {"transformer": QUANTILES, "columns": ["x"], "params": {"n_quantiles": 20}},
]
FEATURES: dict[str, Any] = {"numeric": ["x", "gap"], "categorical": ["kind"], "steps": STEPS, "cache_mb": 100}
TREE, SIMILAR = "sklearn.tree.DecisionTreeClassifier", "sklearn.tree.ExtraTreeClassifier"
READERS = Readers(takes_nan=True, takes_sparse=True, most_categories=255)

pytestmark = pytest.mark.filterwarnings("ignore:`TargetEncoder")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PERENNIAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "late"


def validated(spec: ModelSpec, rows: pd.DataFrame, cache: FeatureCache | None) -> Any:
    return cross_validate(spec, rows, plan_folds(rows, spec), cache=cache)


FITS: dict[str, dict[str, Any]] = {
    "a step that takes all": {
        "features": {
            **FEATURES,
            "steps": [
                *STEPS,
                {"transformer": "sklearn.impute.SimpleImputer", "columns": "all"},
                {"transformer": "sklearn.decomposition.PCA", "columns": "all", "params": {"n_components": 2}},
            ],
        }
    },
    "no steps, as a sparse matrix": {"features": {"categorical": ["kind"], "cache_mb": 100}},
    "early stopping": {
        "features": FEATURES,
        "estimator": "lightgbm.LGBMClassifier",
        "model": {"params": {"n_estimators": 20, "early_stopping_rounds": 3, "verbose": -1}},
    },
    "a threshold": {"features": FEATURES, "estimator": TREE, "model": {"imbalance": {"threshold": "f1"}}},
}


@pytest.mark.parametrize("name", FITS)
def test_folds_score_the_same_with_features_that_are_made_kept_and_found(make_spec, rows, name, caplog):
    if name == "early stopping":
        pytest.importorskip("lightgbm")
    parts = {"estimator": TREE, **FITS[name]}
    if name.startswith("no steps"):
        parts["estimator"] = "sklearn.linear_model.LogisticRegression"
    spec = make_spec(cross_validation={"folds": 2}, **parts)
    expected = validated(spec, rows, None).scores
    caplog.set_level(logging.INFO)
    assert validated(spec, rows, FeatureCache.of(spec)).scores == expected
    again = FeatureCache.of(spec)
    assert validated(spec, rows, again).scores == expected
    assert again.found >= 2
    assert f"features were found in the cache {again.found} times, which saved" in caplog.text


def test_estimators_that_read_the_same_share_features_and_others_do_not(make_spec, rows):
    first = make_spec(TREE, features=FEATURES, cross_validation={"folds": 2})
    expected = {}
    for estimator in (TREE, SIMILAR, "sklearn.naive_bayes.GaussianNB"):
        spec = make_spec(estimator, features=FEATURES, cross_validation={"folds": 2})
        cache = FeatureCache.of(first)
        assert validated(spec, rows, cache).scores == validated(spec, rows, None).scores
        expected[estimator] = cache.found
    assert list(expected.values()) == [0, 2, 0]


def test_what_follows_from_other_labels_is_made_anew_and_weights_change_no_features(make_spec, rows):
    spec = make_spec(TREE, features=FEATURES, cross_validation={"folds": 2})
    weighted = make_spec(
        TREE, features=FEATURES, cross_validation={"folds": 2}, model={"weights": {"half_life_days": 2}}
    )
    flipped = rows.assign(label=np.where(rows.index % 5 == 0, 1 - rows["label"], rows["label"]))
    for each, on, found in ((spec, rows, 0), (spec, flipped, 0), (weighted, rows, 2)):
        cache = FeatureCache.of(spec)
        assert validated(each, on, cache).scores == validated(each, on, None).scores
        assert cache.found == found


def test_what_resamples_is_fitted_anew(make_spec, rows, folder):
    sampler = {"resampling": {"sampler": "imblearn.over_sampling.RandomOverSampler"}}
    spec = make_spec(TREE, features=FEATURES, cross_validation={"folds": 2}, model={"imbalance": sampler})
    cache = FeatureCache.of(spec)
    validated(spec, rows, cache)
    assert (cache.found, folder.exists()) == (0, False)


def test_seconds_are_those_of_a_fit_that_finds_nothing(make_spec, rows, tmp_path, monkeypatch):
    (tmp_path / "slow_steps.py").write_text(
        "import time\n"
        "from sklearn.preprocessing import FunctionTransformer\n"
        "class Slow(FunctionTransformer):\n"
        "    def fit_transform(self, X, y=None):\n        time.sleep(0.3)\n        return super().fit_transform(X, y)\n"
        "    def transform(self, X):\n        time.sleep(0.2 if len(X) > 100 else 0)\n        return super().transform(X)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    steps = [{"transformer": "slow_steps.Slow", "columns": ["x"]}]
    spec = make_spec(TREE, features={**FEATURES, "steps": steps}, cross_validation={"folds": 2})
    for found in (0, 2):
        cache = FeatureCache.of(spec)
        said = validated(spec, rows, cache)
        assert cache.found == found
        assert min(said.fit_seconds) > 0.3
        assert min(said.predict_seconds) > 0.2
    assert cache.saved_s > 0.5


def test_a_spec_without_the_field_keeps_nothing_and_the_field_changes_no_model(make_spec):
    plain = {name: part for name, part in FEATURES.items() if name != "cache_mb"}
    assert FeatureCache.of(make_spec(features=plain)) is None
    digests = {digest_of(make_spec(features=one), *Concern) for one in (plain, FEATURES)}
    assert len(digests) == 1


def frame(count: int = 12) -> pd.DataFrame:
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "x": random.normal(size=count),
            "gap": np.where(np.arange(count) % 4, random.normal(size=count), np.nan),
            "kind": pd.Series(random.choice(["a", "b", "ab"], count), dtype="str"),
        }
    )


def digest(
    spec: ModelSpec, rows: pd.DataFrame, labels: Any = None, tested: pd.DataFrame | None = None, **of: Any
) -> Any:
    labels = np.arange(len(rows)) % 2 if labels is None else labels
    return features_digest(
        spec, of.get("readers", READERS), rows, labels, rows.iloc[np.arange(3)] if tested is None else tested
    )


def swapped(rows: pd.DataFrame, one: int, other: int) -> pd.DataFrame:
    order = np.arange(len(rows))
    order[[one, other]] = order[[other, one]]
    return rows.iloc[order].reset_index(drop=True)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_one_change_gives_another_name_and_the_same_content_the_same(data):
    base = frame()
    row, column = data.draw(st.integers(0, 11)), data.draw(st.sampled_from(list(base)))
    other = data.draw(st.integers(0, 11).filter(lambda n: n != row))
    value = data.draw(st.sampled_from(["", "b", "(missing)", np.nan]) if column == "kind" else st.floats(width=32))
    rows = base.copy()
    rows.loc[row, column] = value
    same = rows[column].equals(base[column])
    # Taken out of a larger frame, as the rows of folds are: another place in memory.
    copy = pd.concat([rows, base], ignore_index=True).iloc[np.arange(12, 24)].reset_index(drop=True)
    name = digest(SPEC, base)
    assert name == digest(SPEC, copy)
    assert (digest(SPEC, rows) == name) == same
    assert (digest(SPEC, base, tested=rows.iloc[np.arange(3)]) == name) == rows[:3].equals(base[:3])
    assert digest(SPEC, swapped(base, row, other), tested=base.iloc[np.arange(3)]) != name
    labels = np.arange(12) % 2
    labels[row] = 7
    assert digest(SPEC, base, labels) != name


SPEC = ModelSpec.model_validate(
    {
        "name": "late",
        "task": "classification",
        "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
        "target": {"column": "label"},
        "features": FEATURES,
        "model": {"estimator": TREE},
        "evaluation": {"holdout": {"fraction": 0.25}, "primary": "roc_auc"},
    }
)


def test_each_of_what_features_follow_from_gives_another_name(monkeypatch):
    def features(**parts: Any) -> ModelSpec:
        return SPEC.model_copy(update={"features": SPEC.features.model_validate({**FEATURES, **parts})})

    base = frame()
    labels = np.arange(12) % 2
    parameter = {**STEPS[1], "params": {"n_quantiles": 21}}
    names = [
        digest(SPEC, base),
        digest(SPEC, base[["gap", "x", "kind"]]),
        digest(SPEC, base.rename(columns={"gap": "gaps"})),
        digest(SPEC, base.astype({"x": "float32"})),
        digest(SPEC, base.astype({"kind": "category"})),
        digest(SPEC, base.iloc[:-1], labels[:-1]),
        digest(SPEC, base.set_index(base.index + 1)),
        digest(SPEC, base, labels.astype("int32")),
        digest(SPEC, base, labels.astype("float64")),
        digest(SPEC, base, labels.astype(str).astype(object)),
        digest(SPEC, base, tested=base[:4]),
        digest(SPEC, base, readers=Readers(takes_nan=False, takes_sparse=True, most_categories=255)),
        digest(SPEC, base, readers=Readers(takes_nan=True, takes_sparse=True, most_categories=254)),
        digest(SPEC.model_copy(update={"model": SPEC.model.model_copy(update={"seed": 1})}), base),
        digest(features(steps=STEPS[:1]), base),
        digest(features(steps=STEPS[::-1]), base),
        digest(features(steps=[STEPS[0], parameter]), base),
        digest(features(steps=[STEPS[0], {**parameter, "params": {"n_quantiles": 20.0}}]), base),
        digest(features(steps=[STEPS[0], {**STEPS[1], "columns": ["gap"]}]), base),
        digest(features(numeric=["gap", "x"]), base),
        digest(features(numeric=["x"], text=["gap"]), base),
    ]
    versions = feature_digests.library_versions
    monkeypatch.setattr(feature_digests, "library_versions", lambda *code: {**versions(*code), "scikit-learn": "0.0"})
    feature_digests._libraries.cache_clear()
    names.append(digest(SPEC, base))
    feature_digests._libraries.cache_clear()
    assert None not in names
    assert len(set(names)) == len(names)
    monkeypatch.undo()
    # What it does not follow from.
    assert digest(features(cache_mb=7), base) == names[0]


def test_another_source_of_the_users_step_gives_another_name(tmp_path, monkeypatch):
    import importlib
    import linecache
    import sys

    monkeypatch.syspath_prepend(tmp_path)
    names = set()
    for number in range(2):
        (tmp_path / "their_steps.py").write_text(
            "from sklearn.preprocessing import FunctionTransformer\n"
            f"class Theirs(FunctionTransformer):\n    number = {'1' * (number + 1)}\n"
        )
        sys.modules.pop("their_steps", None)
        importlib.invalidate_caches()
        linecache.clearcache()
        feature_digests._libraries.cache_clear()
        steps = [{"transformer": "their_steps.Theirs", "columns": ["x"]}]
        spec = SPEC.model_copy(update={"features": SPEC.features.model_validate({**FEATURES, "steps": steps})})
        names.add(digest(spec, frame()))
    assert len(names) == 2


def test_rows_with_objects_have_no_name_since_none_and_nan_could_be_mistaken():
    assert digest(SPEC, frame().astype({"kind": object})) is None
