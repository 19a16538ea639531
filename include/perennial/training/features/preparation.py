"""What becomes of features that no step takes, before the estimator reads them.

It depends on the scikit-learn tags of what reads them: the estimator, and steps that take all:

=================================  =======================================  ==================================
feature                            takes NaN (histogram boosting, trees,    takes none (linear models, SVMs,
                                   forests)                                 neighbours, gradient boosting, ...)
=================================  =======================================  ==================================
numeric                            passed through                           median, a column that says where it
                                                                            was missing, standard scale
categorical                        numbered; rarest grouped beyond 255;     one column for each; rarer than
                                   unseen counts as missing                 1 in 1000 grouped; unseen joins them
text                               30 columns: latent semantic analysis of hashed runs of 3 and 4 characters
datetime                           hour, weekday, day of the year           periodic splines of the same, the
                                                                            median where missing
=================================  =======================================  ==================================

Infinity in a numeric feature counts as missing; a number beyond 3.4e38, with which estimators cannot compute, is
replaced by this bound. Every part is scikit-learn's or NumPy's own, so that
serving a model needs neither Perennial nor trust in its code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils import get_tags

from perennial.data.values.columns import LARGEST_NUMBER
from perennial.spec.feature_names import FeatureKind
from perennial.training.features.text_and_time import calendar_parts, text_as_numbers

# Histogram boosting takes at most as many categories as bins; the default is 255.
MOST_NUMBERED_CATEGORIES = 255
RAREST_OWN_COLUMN = 0.001
MISSING = "(missing)"

Part = tuple[str, Any, list[str]]
"""A part of a ColumnTransformer: name, transformer, columns."""


@dataclass(frozen=True)
class Readers:
    """What those that read the prepared features can take.

    Attributes
    ----------
    takes_nan : bool
    takes_sparse : bool
    most_categories : int
        Most categories that a numbered feature may have.
    """

    takes_nan: bool
    takes_sparse: bool
    most_categories: int

    @classmethod
    def of(cls, estimator: Any, others: Sequence[Any] = ()) -> Self:
        """Return what an estimator, and transformers before it, can all take."""
        tags = [tags_of(one) for one in (*others, estimator)]
        return cls(
            takes_nan=all(one.allow_nan for one in tags),
            takes_sparse=all(one.sparse for one in tags),
            most_categories=min(MOST_NUMBERED_CATEGORIES, getattr(estimator, "max_bins", MOST_NUMBERED_CATEGORIES)),
        )


def tags_of(estimator: Any) -> Any:
    """Return scikit-learn's tags of what an estimator or a transformer takes."""
    return get_tags(estimator).input_tags


def prepared_parts(kinds: Mapping[FeatureKind, Sequence[str]], readers: Readers, *, seed: int) -> list[Part]:
    """Return the parts of a ColumnTransformer that prepare features, without those that have none to prepare.

    Parameters
    ----------
    kinds : mapping of kind to names of features
    readers : Readers
    seed : int
        For text.
    """
    if readers.takes_nan:
        numeric: Any = Pipeline(computable())
        categorical: Any = OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
            max_categories=readers.most_categories,
        )
    else:
        numeric = Pipeline(
            [
                *computable(),
                ("impute", SimpleImputer(strategy="median", add_indicator=True)),
                ("scale", StandardScaler()),
                # Divided by a small standard deviation, a large number becomes even larger.
                ("scaled_bounded", _bounded()),
            ]
        )
        categorical = Pipeline(
            [
                # A missing value is NaN in a snapshot, but None in a request to a server.
                ("nan", SimpleImputer(strategy="constant", fill_value=MISSING)),
                ("none", SimpleImputer(missing_values=None, strategy="constant", fill_value=MISSING)),
                ("one_hot", _one_hot(sparse=readers.takes_sparse)),
            ]
        )
    parts = [
        ("numeric", numeric, list(kinds["numeric"])),
        ("categorical", categorical, list(kinds["categorical"])),
        ("text", text_as_numbers(kinds["text"], seed=seed), list(kinds["text"])),
        (
            "datetime",
            calendar_parts(kinds["datetime"], takes_nan=readers.takes_nan),
            list(kinds["datetime"]),
        ),
    ]
    return [part for part in parts if part[2]]


def _one_hot(*, sparse: bool) -> OneHotEncoder:
    return OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RAREST_OWN_COLUMN, sparse_output=sparse)


def computable() -> list[tuple[str, FunctionTransformer]]:
    """Return the steps that bound numbers so that means and squares cannot overflow."""
    missing = {"nan": np.nan, "posinf": np.nan, "neginf": np.nan}
    finite = FunctionTransformer(np.nan_to_num, kw_args=missing, feature_names_out="one-to-one")
    return [("finite", finite), ("bounded", _bounded())]


def _bounded() -> FunctionTransformer:
    bounds = {"a_min": -LARGEST_NUMBER, "a_max": LARGEST_NUMBER}
    return FunctionTransformer(np.clip, kw_args=bounds, feature_names_out="one-to-one")
