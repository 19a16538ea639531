"""The ids of a model's DAGs."""

from __future__ import annotations

RETRAIN = ".retrain"
MONITOR = ".monitor"
BACKTEST = ".backtest"
ROLLBACK = ".rollback"


def retraining_dag(model: str) -> str:
    """Return the id of the DAG that retrains the model."""
    return model + RETRAIN


def monitoring_dag(model: str) -> str:
    """Return the id of the DAG that watches the model."""
    return model + MONITOR


def backtest_dag(model: str) -> str:
    """Return the id of the DAG that replays policies on the model's history."""
    return model + BACKTEST


def rollback_dag(model: str) -> str:
    """Return the id of the DAG that makes an earlier version champion again."""
    return model + ROLLBACK
