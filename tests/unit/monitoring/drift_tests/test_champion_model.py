from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from perennial.drift import PageHinkley
from perennial.errors import ChampionUnusable
from perennial.models.bundle import Bundle
from perennial.models.formats.skops_format import SkopsModel
from perennial.models.predictions import Predictions
from perennial.monitoring.drift_tests.champion_model import Scored, score_rows
from tests.candidates import bundle_manifest


def test_errors_too_large_to_reckon_with_are_left_out_and_leave_the_detector_sound():
    truth = pd.Series([1.0, 1.7e308, -1.7e308, np.inf, np.nan, 3.0])
    losses = Scored(Predictions(np.array([0.0, -1.7e308, 1.0, 0.0, 0.0, 1.0]))).losses(truth)
    np.testing.assert_array_equal(losses, [1, np.nan, np.nan, np.nan, np.nan, 2])
    detector = PageHinkley(0.1, 50.0)
    detector.update(losses)
    assert detector.rows_ignored == 4


def test_a_model_that_fails_on_rows_says_so():
    model = Pipeline([("estimator", LinearRegression())]).fit(pd.DataFrame({"x": [1.0, 2.0]}), [1.0, 2.0])
    bundle = Bundle(bundle_manifest(), SkopsModel(model), SkopsModel(model))
    with pytest.raises(ChampionUnusable, match="champion v3 fails on 1 rows: ValueError"):
        score_rows(bundle, pd.DataFrame({"x": [np.inf]}), "champion v3")
