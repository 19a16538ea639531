"""How much each row counts: in the fit, and in metrics where the spec says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perennial.errors import DataError, TrainingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perennial.spec import ModelSpec


def training_weights(spec: ModelSpec, rows: pd.DataFrame) -> NDArray[np.float64] | None:
    """Return how much each training row counts in the fit, shape (n,); None: all count the same.

    Parameters
    ----------
    spec : ModelSpec
    rows : pandas.DataFrame of n rows
        With event time and, if the spec names one, the column of weights.

    Raises
    ------
    TrainingError
        A row has no weight, or one below 0; or all have 0.
    """
    given = spec.model.weights
    if given is None:
        return None
    if given.half_life_days is not None:
        times = rows[spec.source.event_time]
        age_days = (times.max() - times) / pd.Timedelta(days=1)
        return np.asarray(0.5 ** (age_days.to_numpy(dtype=np.float64) / given.half_life_days))
    weights = _numbers(spec, rows)
    bad = int((~np.isfinite(weights) | (weights < 0)).sum())
    if bad:
        raise TrainingError(
            f"model.weights.column: {bad:,} of the {len(rows):,} training rows have no weight of 0 or more in "
            f"{given.column!r}: correct the source, or give 0 to rows that should not count"
        )
    if not weights.any():
        raise TrainingError(f"model.weights.column: {given.column!r} is 0 in all {len(rows):,} training rows")
    return weights


def metric_weights(spec: ModelSpec, rows: pd.DataFrame) -> NDArray[np.float64] | None:
    """Return how much each row counts in metrics, shape (n,); None: all count the same.

    A row whose weight is missing, infinite or below 0 does not count, since one bad row must not end a check.

    Raises
    ------
    DataError
        The rows lack the column of weights.
    """
    if not spec.evaluation.weighted:
        return None
    if spec.weight_column not in rows:
        raise DataError(
            f"metrics are weighted by {spec.weight_column!r}, which these rows lack: they were read before the spec "
            "named it. Clear the run from its first task on"
        )
    weights = _numbers(spec, rows)
    return np.where(np.isfinite(weights) & (weights > 0), weights, 0.0)


def _numbers(spec: ModelSpec, rows: pd.DataFrame) -> NDArray[np.float64]:
    return rows[spec.weight_column].to_numpy(dtype=np.float64, na_value=np.nan)
