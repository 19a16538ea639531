"""Finds features without any value, and counts the values that are replaced before the fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from perennial.data.values.columns import LARGEST_NUMBER
from perennial.errors import TrainingError

if TYPE_CHECKING:
    from perennial.spec import ModelSpec


class OddValues(NamedTuple):
    """Numbers of values of a feature that are missing, infinite (taken as missing), or too large (bounded)."""

    missing: int
    infinite: int
    too_large: int


def odd_values(spec: ModelSpec, features: pd.DataFrame) -> dict[str, OddValues]:
    """Count the missing, infinite and too large values of the features that have some.

    Raises
    ------
    TrainingError
        A feature has only missing and infinite values.
    """
    counts = {name: _of_numbers(features[name]) for name in spec.features.numeric}
    others = (name for name in spec.features.columns if name not in counts)
    counts |= {name: OddValues(int(features[name].isna().sum()), 0, 0) for name in others}
    for name, odd in counts.items():
        if odd.missing + odd.infinite == len(features):
            raise TrainingError(
                f"feature {name!r} has no value in any of the {len(features)} training rows: "
                "correct the source or remove the feature from the spec"
            )
    return {name: odd for name, odd in counts.items() if any(odd)}


def _of_numbers(column: pd.Series) -> OddValues:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = int(np.isinf(values).sum())
    return OddValues(int(np.isnan(values).sum()), infinite, int((np.abs(values) > LARGEST_NUMBER).sum()) - infinite)
