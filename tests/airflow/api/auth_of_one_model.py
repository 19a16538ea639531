"""An Airflow auth manager whose users may read one model's DAGs only; the API server under test is started with it."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class AuthOfOneModel(SimpleAuthManager):
    """Everybody may read all DAGs of `orders`, `abroad` and `stray`, and of `half` that which retrains; nobody another."""

    def is_authorized_dag(self, *, details: Any = None, **rest: Any) -> bool:
        """Tell whether the user may."""
        kinds = ("retrain", "monitor", "backtest")
        readable = {f"{model}.{kind}" for model in ("orders", "abroad", "stray") for kind in kinds} | {"half.retrain"}
        return bool(details and details.id in readable) and super().is_authorized_dag(details=details, **rest)
