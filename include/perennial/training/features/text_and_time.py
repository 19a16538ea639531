"""What becomes of text and times that no step takes. Every part is scikit-learn's, NumPy's or pandas' own.

Text: the TF-IDF of its runs of 3 and 4 characters, hashed so that no text is kept in the model, in 30 dimensions (latent
semantic analysis; Deerwester et al., 1990).

Times: hour, weekday (Monday is 0) and day of the year, each with its fraction and in UTC. Only what recurs: the time itself
would be beyond all training rows in every row that is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer

HASHES = 4096
DIMENSIONS = 30

_DAY = 86_400e6
"""In microseconds, as all times below."""
_YEAR = 365.2425 * _DAY
_NOT_A_TIME = float(np.iinfo(np.int64).min)
_PARTS: dict[str, dict[str, Any]] = {
    "hour": {"xp": [0, _DAY - 1], "fp": [0, 24], "period": _DAY},
    # 1 January 1970 was a Thursday.
    "weekday": {"xp": [0, 4 * _DAY - 1, 4 * _DAY, 7 * _DAY - 1], "fp": [3, 7, 0, 3], "period": 7 * _DAY},
    "day": {"xp": [0, _YEAR - 1], "fp": [0, 365.2425], "period": _YEAR},
}
_ENDS = [24, 7, 365.2425]
_KNOTS = 7


def text_as_numbers(names: Sequence[str], *, seed: int) -> Pipeline:
    """Return what makes numbers of texts, from a data frame with the columns `names`."""
    one = Pipeline(
        [
            ("hash", HashingVectorizer(analyzer="char_wb", ngram_range=(3, 4), n_features=HASHES)),
            ("weigh", TfidfTransformer()),
            ("reduce", TruncatedSVD(DIMENSIONS, random_state=seed)),
        ]
    )
    return Pipeline([("filled", filled("")), ("each", _for_each(names, one))])


def calendar_parts(names: Sequence[str], *, takes_nan: bool) -> ColumnTransformer:
    """Return what makes numbers of times, from a data frame with the columns `names`."""
    steps: list[tuple[str, Any]] = [
        # A time is text in a request to a server.
        ("time", FunctionTransformer(pd.to_datetime, kw_args={"utc": True})),
        ("microseconds", FunctionTransformer(np.asarray, kw_args={"dtype": "datetime64[us]"})),
        ("number", FunctionTransformer(np.asarray, kw_args={"dtype": "float64"})),
        ("column", FunctionTransformer(np.reshape, kw_args={"shape": (-1, 1)})),
        ("missing", _gaps()),
        (
            "parts",
            ColumnTransformer(
                [(name, FunctionTransformer(np.interp, kw_args=settings), [0]) for name, settings in _PARTS.items()]
            ),
        ),
    ]
    if not takes_nan:
        knots = np.linspace(0, _ENDS, _KNOTS)
        steps += [
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("splines", SplineTransformer(knots=knots, extrapolation="periodic", include_bias=False)),
        ]
    return _for_each(names, Pipeline(steps))


def filled(value: str) -> Pipeline:
    """Return what fills missing texts of a data frame, and returns a data frame.

    A missing value is NaN in a snapshot, but None in a request to a server. On its way as a data frame from one to the
    next, None becomes NaN if there is a text, and stays None if not.
    """
    nan, none = (SimpleImputer(missing_values=gap, strategy="constant", fill_value=value) for gap in (np.nan, None))
    return Pipeline([("nan", nan), ("now_nan", clone(nan)), ("none", none)]).set_output(transform="pandas")


def _gaps() -> SimpleImputer:
    # Without keep_empty_features a filling that is NaN itself would drop the column.
    return SimpleImputer(missing_values=_NOT_A_TIME, strategy="constant", fill_value=np.nan, keep_empty_features=True)


def _for_each(names: Sequence[str], one: Pipeline) -> ColumnTransformer:
    """Return a transformer for each column, which it gets as a Series."""
    return ColumnTransformer([(f"column_{number}", one, name) for number, name in enumerate(names, 1)])
