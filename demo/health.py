"""Check over HTTP whether the servers answer."""

from __future__ import annotations

import httpx

TIMEOUT_S = 5
COMPONENTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")


def mlflow_answers(url: str) -> bool:
    """Tell whether MLflow's server is up."""
    return _get(f"{url}/health") is not None


def airflow_is_healthy(url: str) -> bool:
    """Tell whether Airflow's API server is up and its other components have heartbeats."""
    answer = _get(f"{url}/api/v2/monitor/health")
    return answer is not None and all(answer.json()[part]["status"] == "healthy" for part in COMPONENTS)


def _get(url: str) -> httpx.Response | None:
    try:
        answer = httpx.get(url, timeout=TIMEOUT_S, trust_env=False)
    except httpx.TransportError:
        return None
    return answer if answer.is_success else None
