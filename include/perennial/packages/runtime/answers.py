"""Predictions as a table: the form of every package's answers."""

from __future__ import annotations

import pandas as pd

from perennial.models.predictions import Predictions

PREDICTION = "prediction"


def answers_of(said: Predictions) -> pd.DataFrame:
    """Return predictions for n rows as a data frame of n rows.

    Returns
    -------
    pandas.DataFrame
        `prediction` holds the label or number. Then, for each label, `probability_<label>`; or `decision_<label>` if the
        model ranks without probabilities; or nothing if it does neither, and for numbers.
    """
    columns = {PREDICTION: said.values}
    kind = "probability" if said.probabilities is not None else "decision"
    if said.ranking is not None:
        columns |= {f"{kind}_{label}": said.ranking[:, place] for place, label in enumerate(said.classes)}
    return pd.DataFrame(columns)
