"""Serve the reports of retrainings and checks from the store, to those who may read the model's DAG."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dag import DagTag
from fastapi import Depends, FastAPI, HTTPException, Path, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from perennial.errors import PerennialError, StoreUnavailable
from perennial.layout import BACKTEST_PAGE, CHECK_REPORT, run_folder
from perennial_airflow.building.placement import REGION_TAG
from perennial_airflow.dag_ids import backtest_dag, monitoring_dag, retraining_dag
from perennial_airflow.hooks.store import StoreHook

# A report is HTML with values from people's data: browsers may display it, but not run or load anything.
REPORT_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "png": "image/png",
}

ModelName = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]+$")]
RunName = Annotated[str, Path(pattern=r"^[A-Za-z0-9_+-][A-Za-z0-9_.+-]*$")]
CheckNumber = Annotated[int, Path(ge=1)]
ReplayName = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
FileName = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]+\.(html|json|md|png)$")]


def may_read_retraining(model: ModelName, request: Request, user: GetUserDep) -> None:
    """Allow users who may read the model's retraining DAG; raise 401 or 403 for all others."""
    requires_access_dag("GET", param_dag_id=retraining_dag(model))(request, user)


def may_read_monitoring(model: ModelName, request: Request, user: GetUserDep) -> None:
    """Allow users who may read the model's monitoring DAG; raise 401 or 403 for all others."""
    requires_access_dag("GET", param_dag_id=monitoring_dag(model))(request, user)


def may_read_backtest(model: ModelName, request: Request, user: GetUserDep) -> None:
    """Allow users who may read the model's backtest DAG; raise 401 or 403 for all others."""
    requires_access_dag("GET", param_dag_id=backtest_dag(model))(request, user)


# No pages about the API itself: they would be served without authentication.
app = FastAPI(title="Perennial reports", docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/reports/{model}/runs/{run}/{file}", dependencies=[Depends(may_read_retraining)])
def run_report(model: ModelName, run: RunName, file: FileName, session: SessionDep) -> Response:
    """Return one file of a run's reports, such as `data_docs.html` or `verdict.json`."""
    missing = f"Run {run} of {model} has no {file}: it did not get that far, or its reports are in another store"
    store = StoreHook(model, _region(retraining_dag(model), session))
    return _serve(store, run_folder(model, run) + file, missing)


@app.get("/reports/{model}/checks/{check}/report.html", dependencies=[Depends(may_read_monitoring)])
def check_report(model: ModelName, check: CheckNumber, session: SessionDep) -> Response:
    """Return the drift report of a check."""
    missing = f"Check {check} of {model} has no report: it was not decided, or its report is in another store"
    store = StoreHook(model, _region(monitoring_dag(model), session))
    return _serve(store, CHECK_REPORT.key(model, check), missing)


@app.get("/reports/{model}/backtests/{replay}/backtest.html", dependencies=[Depends(may_read_backtest)])
def backtest_report(model: ModelName, replay: ReplayName, session: SessionDep) -> Response:
    """Return the page of a backtest."""
    missing = f"Backtest {replay} of {model} has no page: it did not get that far, or its page is in another store"
    store = StoreHook(model, _region(backtest_dag(model), session))
    return _serve(store, BACKTEST_PAGE.key(model, replay), missing)


def _region(dag_id: str, session: Session) -> str | None:
    """Return the model's region from the tag of its DAG, since this server has no specs."""
    tags = select(DagTag.name).where(DagTag.dag_id == dag_id, DagTag.name.startswith(REGION_TAG))
    tag = session.scalar(tags)
    return tag.removeprefix(REGION_TAG) if tag else None


def _serve(store: StoreHook, key: str, missing: str) -> Response:
    from perennial.store import KeyNotFound

    try:
        content = store.open().read(key)
    except KeyNotFound:
        raise HTTPException(404, missing) from None
    except StoreUnavailable as error:
        raise HTTPException(503, str(error)) from None
    except PerennialError as error:
        raise HTTPException(500, str(error)) from None
    return Response(content, media_type=MEDIA_TYPES[key.rpartition(".")[2]], headers=REPORT_HEADERS)
