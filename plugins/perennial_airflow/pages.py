"""Addresses of pages for people: in Airflow, of reports, and in MLflow's registry."""

from __future__ import annotations

from urllib.parse import quote

from airflow.sdk import conf

from perennial.layout import DATA_DOCS, MODEL_CARD, TUNING_PAGE, run_folder
from perennial_airflow.hooks.tracking import TrackingHook


def run_page(dag_id: str, run_id: str) -> str:
    """Return the address of a DAG run in Airflow."""
    return f"{_base()}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def dag_page(dag_id: str) -> str:
    """Return the address of a DAG in Airflow, where **Trigger** opens its form."""
    return f"{_base()}/dags/{quote(dag_id, safe='')}"


def data_docs_page(model: str, run_id: str) -> str:
    """Return the address of a validation's report."""
    return f"{_base()}/perennial/reports/{run_folder(model, run_id)}{DATA_DOCS.name}"


def tuning_page(model: str, run_id: str) -> str:
    """Return the address of the page of a search."""
    return f"{_base()}/perennial/reports/{run_folder(model, run_id)}{TUNING_PAGE.name}"


def model_card_page(model: str, run_id: str) -> str:
    """Return the address of the card of the version that a run registered."""
    return f"{_base()}/perennial/reports/{run_folder(model, run_id)}{MODEL_CARD.name}"


def drift_report_page(model: str, sequence: int) -> str:
    """Return the address of a check's report."""
    return f"{_base()}/perennial/reports/{model}/checks/{sequence}/report.html"


def backtest_page(model: str, replay: str) -> str:
    """Return the address of a backtest's page."""
    return f"{_base()}/perennial/reports/{model}/backtests/{replay}/backtest.html"


def version_page(name: str, version: str, region: str | None) -> str:
    """Return the address of a registered version, or '' if the region's MLflow is not a server."""
    return TrackingHook(region).page(f"models/{quote(name, safe='')}/versions/{version}")


def _base() -> str:
    return (conf.get("api", "base_url", fallback="") or "").rstrip("/")
