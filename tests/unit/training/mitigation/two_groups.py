"""Rows of two groups that a plain model treats differently."""

from __future__ import annotations

import numpy as np
import pandas as pd


def grouped_rows(number: int = 600, seed: int = 3) -> pd.DataFrame:
    """Rows in time order. Group f has the label less often: `x` is lower there, and `kind` tells the group most of the time.

    Group rare has three rows.
    """
    random = np.random.default_rng(seed)
    group = random.choice(["f", "m"], number)
    x = random.normal(size=number) + 1.0 * (group == "m")
    kind = np.where((group == "m") ^ (random.random(number) < 0.1), "a", "b")
    group = group.astype(object)
    group[::17], group[[5, 50, 500]] = None, "rare"
    return pd.DataFrame(
        {
            "at": pd.date_range("2024-01-01", periods=number, freq="h", tz="UTC").astype("datetime64[us, UTC]"),
            "x": x,
            "gap": random.normal(size=number),
            "kind": kind,
            "label": (x + random.normal(scale=0.7, size=number) > 0.5).astype("int64"),
            "sex": pd.Series(group, dtype="str"),
        }
    )
