"""The metrics by name: which task each is for and which direction is better. Computed in perennial.evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

CLASSIFICATION = (
    "roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "balanced_accuracy", "precision", "recall", "f1",
)  # fmt: skip
REGRESSION = ("rmse", "mae", "r2", "mape")
EXPECTED_COST = "expected_cost"
"""A metric of classification, if the spec has a cost matrix."""
LOWER_IS_BETTER = frozenset({"log_loss", "brier", EXPECTED_COST, "rmse", "mae", "mape"})

MetricName = Literal[
    "roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "balanced_accuracy", "precision", "recall", "f1",
    "expected_cost", "rmse", "mae", "r2", "mape",
]  # fmt: skip


def wrong_bounds(
    minimum: Mapping[MetricName, float], maximum: Mapping[MetricName, float]
) -> list[tuple[tuple[str, str], str]]:
    """Return the bounds on the wrong side of a metric or outside its range, with path and message."""
    wrong: list[tuple[tuple[str, str], str]] = []
    for name, value in minimum.items():
        if name in LOWER_IS_BETTER:
            wrong.append((("minimum", name), "less is better, so this belongs under 'maximum'"))
        elif value > 1:
            wrong.append((("minimum", name), f"is never reached: {name} is at most 1, and this is {value:g}"))
    for name, value in maximum.items():
        if name not in LOWER_IS_BETTER:
            wrong.append((("maximum", name), "more is better, so this belongs under 'minimum'"))
        elif value < 0:
            wrong.append((("maximum", name), f"is never reached: {name} is at least 0, and this is {value:g}"))
    return wrong
