"""The champion's answers for some rows, and how wrong they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.data.values.columns import LARGEST_NUMBER
from perennial.errors import DataError, PerennialError, TrainingError
from perennial.models.predictions import Predictions, predict
from perennial.models.skops_format import load_model
from perennial.registry.champions import download_model

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from perennial.registry.records import Champion
    from perennial.run import MonitorRun

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """The champion's answers for n rows."""

    predictions: Predictions

    @property
    def score(self) -> Floats:
        """One number per row, shape (n,): the likelihood of the last label, of the likeliest where there are more than
        two, or the predicted number.
        """
        ranking = self.predictions.ranking
        if ranking is None:
            return np.asarray(pd.factorize(self.predictions.values, sort=True)[0], dtype=np.float64)
        return np.asarray(ranking[:, -1] if ranking.shape[1] == 2 else ranking.max(axis=1))

    def losses(self, truth: pd.Series) -> Floats:
        """Return how wrong each row's answer is, shape (n,).

        The squared distance of the probability of the true label from 1 (Brier, 1950), 0 or 1 where the model gives no
        probabilities, the absolute error of a number. All are bounded by what the model says or finite by nature: one
        row cannot raise an alarm alone. NaN where the truth is missing, or a number that nothing can be reckoned with.
        """
        known = self.predictions
        if not known.classes:
            with np.errstate(over="ignore"):
                errors = np.abs(known.values.astype(np.float64) - truth.to_numpy(dtype=np.float64))
            return np.where(errors <= LARGEST_NUMBER, errors, np.nan)
        if known.probabilities is None:
            losses = (known.values != truth.to_numpy()).astype(np.float64)
        else:
            column = pd.Index(list(known.classes)).get_indexer(pd.Index(truth))
            right = np.where(column >= 0, known.probabilities[np.arange(len(truth)), column], 0.0)
            losses = (1.0 - right) ** 2
        losses[truth.isna().to_numpy()] = np.nan
        return np.asarray(losses)


def load_champion(run: MonitorRun, champion: Champion) -> Pipeline:
    """Return the champion's pipeline.

    Raises
    ------
    TrainingError
        Its file is damaged, or holds types that the spec does not trust.
    """
    with run.store.scratch() as folder:
        path = download_model(run.tracking_uri, f"models:/{run.spec.name}/{champion.version}", folder)
        return load_model(path, run.spec)


def score_rows(model: Pipeline, rows: pd.DataFrame) -> Scored:
    """Return the model's answers for the rows.

    Raises
    ------
    DataError
        The rows lack a column that the model reads.
    TrainingError
        The model fails on them.
    """
    wanted = [str(name) for name in model.feature_names_in_]
    absent = [name for name in wanted if name not in rows]
    if absent:
        raise DataError(
            f"the champion reads {', '.join(absent)}, which the spec no longer names: retrain, so that there is a "
            "champion of the features that it names now"
        )
    try:
        return Scored(predict(model, rows[wanted]))
    except PerennialError:
        raise
    except Exception as error:
        raise TrainingError(
            f"the champion fails on {len(rows):,} rows of this check: {type(error).__name__}: {error}"
        ) from error
