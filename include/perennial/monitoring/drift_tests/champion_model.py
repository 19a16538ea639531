"""The champion's predictions for rows, and their losses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.errors import BundleChanged, ChampionUnusable, TrainingError
from perennial.models.losses import row_losses
from perennial.models.predictions import Predictions
from perennial.registry.bundles import load_champion

if TYPE_CHECKING:
    from perennial.ensemble.model import EnsembleModel
    from perennial.models.bundle import Bundle
    from perennial.models.model import Model
    from perennial.registry.records import Champion
    from perennial.run import MonitorRun

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """The champion's predictions for n rows."""

    predictions: Predictions

    @property
    def score(self) -> Floats:
        """One number per row, shape (n,): the probability of the last label; with more than two labels, that of the
        most probable one; in a regression, the predicted number.
        """
        ranking = self.predictions.ranking
        if ranking is None:
            return np.asarray(pd.factorize(self.predictions.values, sort=True)[0], dtype=np.float64)
        return np.asarray(ranking[:, -1] if ranking.shape[1] == 2 else ranking.max(axis=1))

    def losses(self, truth: pd.Series) -> Floats:
        """Return the loss of each row, shape (n,); see `row_losses`."""
        return row_losses(self.predictions, truth)


def usable_bundle(run: MonitorRun, champion: Champion) -> Bundle:
    """Return the champion's bundle.

    Raises
    ------
    BundleChanged
        A file of the bundle is not the one that was trained.
    ChampionUnusable
        The bundle cannot be loaded here, for example because its transform can no longer be imported.
    """
    try:
        return load_champion(run, champion)
    except BundleChanged:
        raise
    except TrainingError as error:
        raise ChampionUnusable(f"{champion.name} cannot be loaded: {error}") from error


def score_rows(model: Bundle | Model, rows: pd.DataFrame, who: str) -> Scored:
    """Return the model's predictions for rows that have its inputs.

    Raises
    ------
    ChampionUnusable
        The model fails on the rows.
    """
    with _failure_told(rows, who):
        return Scored(model.predict(rows))


def ask_members(model: EnsembleModel, rows: pd.DataFrame, who: str) -> dict[str, Predictions]:
    """Return MLflow run of each member -> its own predictions. Raises the errors of `score_rows`."""
    with _failure_told(rows, who):
        return model.answers(rows)


@contextmanager
def _failure_told(rows: pd.DataFrame, who: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise ChampionUnusable(f"{who} fails on {len(rows):,} rows: {type(error).__name__}: {error}") from error
