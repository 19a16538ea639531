"""CatBoost, as `perennial.models.boosted` uses it: its models are files of its own, and it writes no others."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MISSING = -1
"""The category of a missing one, which CatBoost itself refuses; the encoder's numbers begin at 0."""
_LOUDNESS = ("verbose", "silent", "logging_level", "metric_period")
_OF_PROBABILITIES = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")
_OF_LOGARITHMS = ("Poisson", "Tweedie", "LogLinQuantile")


class CatBoost:
    """CatBoost; see `perennial.models.boosted.Library`."""

    file = "booster.cbm"
    extra = "catboost"
    names_of_rounds: Sequence[str] = ("iterations", "num_boost_round", "num_trees", "n_estimators")
    # It cannot with categories, and takes another learning rate for another number of rounds.
    continues = False

    def fit(
        self,
        estimator: Any,
        x: Any,
        y: Any,
        weights: Any,
        categories: Sequence[int],
        start: Any = None,  # noqa: ARG002 - it does not continue
        after_round: Any = None,  # noqa: ARG002
    ) -> Any:
        """See Library."""
        return self._quiet(estimator).fit(_pool(x, categories, y, weights))

    def made(self, booster: Any) -> int:
        """See Library."""
        return int(booster.tree_count_)

    def stop_early(
        self, estimator: Any, rows: Any, tested: Any, patience: int, categories: Sequence[int]
    ) -> tuple[int, dict[str, Any]]:
        """See Library."""
        (x, y, weights), (tested_x, tested_y, tested_weights) = rows, tested
        self._quiet(estimator).fit(
            _pool(x, categories, y, weights),
            eval_set=_pool(tested_x, categories, tested_y, tested_weights),
            early_stopping_rounds=patience,
            use_best_model=True,
        )
        # Unless it is given, CatBoost takes a learning rate by the number of rounds that it is asked for.
        return int(estimator.tree_count_), {"learning_rate": float(estimator.learning_rate_)}

    def predict(self, booster: Any, x: Any, categories: Sequence[int]) -> NDArray[np.float64]:
        """See Library."""
        loss, kind = booster.get_all_params()["loss_function"].partition(":")[0], "RawFormulaVal"
        if loss in _OF_PROBABILITIES:
            kind = "Probability"
        elif loss in _OF_LOGARITHMS:
            kind = "Exponent"
        return np.asarray(booster.predict(_pool(x, categories), prediction_type=kind), dtype=np.float64)

    def write(self, booster: Any) -> bytes:
        """See Library."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self.file
            booster.save_model(str(path), format="cbm")
            return path.read_bytes()

    def read(self, content: bytes) -> Any:
        """See Library."""
        from catboost import CatBoost as Booster

        return Booster().load_model(blob=content)

    def _quiet(self, estimator: Any) -> Any:
        """Return the estimator, told to leave no folder `catboost_info` and, unless the spec asks for it, to print nothing."""
        silent = {} if any(name in estimator.get_params() for name in _LOUDNESS) else {"logging_level": "Silent"}
        return estimator.set_params(allow_writing_files=False, **silent)


def _pool(x: Any, categories: Sequence[int], y: Any = None, weights: Any = None) -> Any:
    """Return prepared features, target and weights as CatBoost takes them; categories must be whole numbers."""
    from catboost import Pool

    if categories:
        numbers = x.toarray() if issparse(x) else np.asarray(x)
        x = pd.DataFrame(numbers)
        for column in categories:
            x[column] = np.nan_to_num(numbers[:, column], nan=_MISSING).astype(np.int64)
    return Pool(x, y, weight=weights, cat_features=list(categories))
