"""XGBoost, as `perennial.models.boosted` uses it: its models are universal binary JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class XGBoost:
    """XGBoost; see `perennial.models.boosted.Library`."""

    file = "booster.ubj"
    extra = "boosting"
    names_of_rounds: Sequence[str] = ("n_estimators",)
    continues = True

    def fit(
        self,
        estimator: Any,
        x: Any,
        y: Any,
        weights: Any,
        categories: Sequence[int],
        start: Any = None,
        after_round: Callable[[Any], None] | None = None,
    ) -> Any:
        """See Library."""
        if after_round is not None:
            estimator.set_params(callbacks=[_after_round_of_xgboost(after_round)])
        estimator.set_params(**self._told(x, categories)).fit(x, y, sample_weight=weights, xgb_model=start)
        return estimator.get_booster()

    def made(self, booster: Any) -> int:
        """See Library."""
        return int(booster.num_boosted_rounds())

    def stop_early(
        self, estimator: Any, rows: Any, tested: Any, patience: int, categories: Sequence[int]
    ) -> tuple[int, dict[str, Any]]:
        """See Library."""
        (x, y, weights), (tested_x, tested_y, tested_weights) = rows, tested
        estimator.set_params(early_stopping_rounds=patience, **self._told(x, categories)).fit(
            x,
            y,
            sample_weight=weights,
            eval_set=[(tested_x, tested_y)],
            sample_weight_eval_set=None if tested_weights is None else [tested_weights],
            verbose=False,
        )
        return int(estimator.best_iteration) + 1, {}

    def predict(self, booster: Any, x: Any, categories: Sequence[int]) -> NDArray[np.float64]:
        """See Library."""
        from xgboost import DMatrix

        return np.asarray(booster.predict(DMatrix(x, **self._told(x, categories))), dtype=np.float64)

    def write(self, booster: Any) -> bytes:
        """See Library."""
        return bytes(booster.save_raw("ubj"))

    def read(self, content: bytes) -> Any:
        """See Library."""
        from xgboost import Booster

        booster = Booster()
        booster.load_model(bytearray(content))
        return booster

    def _told(self, x: Any, categories: Sequence[int]) -> dict[str, Any]:
        if not categories:
            return {}
        return {
            "enable_categorical": True,
            "feature_types": ["c" if i in categories else "q" for i in range(x.shape[1])],
        }


def _after_round_of_xgboost(after_round: Callable[[Any], None]) -> Any:
    from xgboost.callback import TrainingCallback

    class Told(TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002 - XGBoost's form
            after_round(model)
            return False

    return Told()
