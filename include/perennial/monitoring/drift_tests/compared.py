"""What drift tests compare of each feature: numbers and categories themselves, and statistics of texts and times.

A text is compared by its length in characters, its number of words, and the shares of digits and of letters among its
characters; a time by its hour, with fraction, and its weekday (Monday is 0), in UTC. Only what recurs, since later rows have
later times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd

from perennial.models.manifest import Manifest
from perennial.spec.features import STATISTICS


def compared_columns(
    manifest: Manifest, test: Literal["numeric", "categorical"], exclude: Collection[str]
) -> tuple[str, ...]:
    """Return the columns that a test compares, without those of excluded features.

    Statistics of texts and times are numeric, and named after their feature: `title (length)`.
    """
    return tuple(
        column
        for feature in manifest.features
        if feature.name not in exclude and (feature.kind == "categorical") == (test == "categorical")
        for column in _columns(feature.name, feature.kind)
    )


def sources(manifest: Manifest, columns: Iterable[str]) -> dict[str, str]:
    """Return compared column -> the feature that it comes from; columns that come from none are their own."""
    come_from = {
        column: feature.name for feature in manifest.features for column in _columns(feature.name, feature.kind)
    }
    return {column: come_from.get(column, column) for column in columns}


def compared_values(manifest: Manifest, features: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Return the compared columns of features; those whose feature is not there are left out."""
    kinds: Mapping[str, str] = {feature.name: feature.kind for feature in manifest.features}
    made = {}
    for column, name in sources(manifest, columns).items():
        if name in features:
            statistic = column.removeprefix(f"{name} (").removesuffix(")")
            made[column] = features[name] if column == name else _statistic(features[name], kinds[name], statistic)
    return pd.DataFrame(made, index=features.index, copy=False)


def _columns(name: str, kind: str) -> tuple[str, ...]:
    return tuple(f"{name} ({statistic})" for statistic in STATISTICS.get(kind, ())) or (name,)


def _statistic(values: pd.Series, kind: str, statistic: str) -> pd.Series:
    if kind == "datetime":
        time = values.dt
        if statistic == "weekday":
            return pd.Series(time.day_of_week, dtype=np.float64)
        return pd.Series(time.hour + time.minute / 60 + time.second / 3600, dtype=np.float64)
    text = values.astype("str").str
    if statistic == "words":
        return text.count(r"\S+").astype(np.float64)
    length = text.len().astype(np.float64)
    if statistic == "length":
        return length
    counted: pd.Series[float] = text.count(r"[0-9]" if statistic == "digits" else r"[^\W\d_]").astype(np.float64)
    return counted / length
