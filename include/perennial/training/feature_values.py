"""Features that hold nothing, and what counts as missing in the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perennial.errors import TrainingError

if TYPE_CHECKING:
    from perennial.spec import ModelSpec


def missing_values(spec: ModelSpec, features: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Count the missing and the infinite values of the features that have some.

    Raises
    ------
    TrainingError
        A feature has no other values.
    """
    counts = {name: _missing_and_infinite(features[name]) for name in spec.features.numeric}
    counts |= {name: (int(features[name].isna().sum()), 0) for name in spec.features.categorical}
    for name, (missing, infinite) in counts.items():
        if missing + infinite == len(features):
            raise TrainingError(
                f"feature {name!r} has no value in any of the {len(features)} training rows: "
                "repair the source or take it from the spec"
            )
    return {name: count for name, count in counts.items() if any(count)}


def _missing_and_infinite(column: pd.Series) -> tuple[int, int]:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return int(np.isnan(values).sum()), int(np.isinf(values).sum())
