"""The metrics by name: which task each is for and which direction is better. Computed in perennial.evaluation."""

from __future__ import annotations

from typing import Literal

CLASSIFICATION = (
    "roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "balanced_accuracy", "precision", "recall", "f1",
)  # fmt: skip
REGRESSION = ("rmse", "mae", "r2", "mape")
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae", "mape"})

MetricName = Literal[
    "roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "balanced_accuracy", "precision", "recall", "f1",
    "rmse", "mae", "r2", "mape",
]  # fmt: skip
