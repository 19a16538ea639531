"""A model whose features a transform makes is asked with these, by their names; several that serve together are not."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd

from perennial.ensemble.model import EnsembleModel
from perennial.explanations.feature_model import FeatureModel
from perennial.models.formats.skops_format import SkopsModel
from perennial.models.manifest import Manifest, features_in
from perennial.spec import ModelSpec
from perennial.training.pipeline import build_pipeline


def test_it_predicts_the_same_from_features_as_from_the_columns_that_they_are_made_of(
    make_spec: Callable[..., ModelSpec], rows: pd.DataFrame, transform_module: str
) -> None:
    features = {"transform": f"{transform_module}:hourly", "inputs": ["at", "x"], "numeric": ["x", "hour"]}
    spec = make_spec(features=features)
    fitted = SkopsModel(build_pipeline(spec).fit(rows[["at", "x"]], rows["label"].to_numpy()))
    described = SimpleNamespace(
        transform=features["transform"], features=features_in(spec.features), inputs=fitted.inputs
    )
    manifest = cast(Manifest, described)

    model = FeatureModel(fitted, manifest)
    made = model.features(rows)

    assert model.inputs == tuple(made.columns) == ("x", "hour")
    expected: Any = fitted.predict(rows).probabilities
    np.testing.assert_array_equal(model.predict(made).probabilities, expected)
    assert not np.array_equal(model.predict(made.assign(x=made["x"] + 1)).probabilities, expected)

    together = FeatureModel(EnsembleModel({"one": fitted}, {"one": 1.0}), manifest)
    assert together.inputs == tuple(together.features(rows).columns) == ("at", "x")
    np.testing.assert_array_equal(together.predict(together.features(rows)).probabilities, expected)
