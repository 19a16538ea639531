"""Reports over real HTTP from a real API server: nothing without a login, only what the user may read, nothing active."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

RUN = "/perennial/reports/orders/runs/manual__1"


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of an HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class ApiServer:
    """A running `airflow api-server` and a login to it."""

    port: int
    token: str
    store: Path

    def get(self, path: str, *, token: str | None = None, cookie: str | None = None) -> Answer:
        """Ask for the path as it is: no client normalises it before the server sees it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if cookie:
            headers["Cookie"] = f"_token={cookie}"
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


@pytest.fixture(scope="module")
def server(
    airflow_home: Path, tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[ApiServer]:
    scratch, port = tmp_path_factory.mktemp("api"), free_port()
    passwords = scratch / "passwords.json"
    passwords.write_text(json.dumps({"anna": "correct horse"}))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])),
        "PERENNIAL_STORE": str(scratch / "store"),
        "PERENNIAL_STORE_EU_WEST": str(scratch / "store-eu"),
        "AIRFLOW__CORE__AUTH_MANAGER": "auth_of_one_model.AuthOfOneModel",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "anna:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
    }
    command = [
        sys.executable,
        "-m",
        "airflow",
        "api-server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    with (scratch / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        login = {"username": "anna", "password": "correct horse"}
        token = _wait_for_token(f"http://127.0.0.1:{port}/auth/token", login, process, scratch / "log")
        yield ApiServer(port, token, scratch / "store")
    finally:
        process.terminate()
        process.wait(30)


def _wait_for_token(url: str, login: dict[str, str], process: subprocess.Popen[bytes], log: Path) -> str:
    request = urllib.request.Request(url, json.dumps(login).encode(), {"Content-Type": "application/json"})
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)["access_token"]
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.3)
    raise AssertionError(log.read_text())


@pytest.fixture
def report(server: ApiServer) -> Path:
    path = server.store / "orders" / "runs" / "manual__1" / "data_docs.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("<h1>2 of 3 expectations hold</h1>")
    return path


def test_a_user_reads_a_report_by_token_and_by_cookie(server: ApiServer, report: Path) -> None:
    for answer in (
        server.get(f"{RUN}/data_docs.html", token=server.token),
        server.get(f"{RUN}/data_docs.html", cookie=server.token),
    ):
        assert (answer.status, answer.body) == (200, report.read_bytes())
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_a_report_may_neither_run_nor_fetch_anything(server: ApiServer, report: Path) -> None:
    headers = server.get(f"{RUN}/data_docs.html", token=server.token).headers

    policy = headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "script" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_a_run_name_keeps_its_signs(server: ApiServer, report: Path) -> None:
    run = "manual__2024-02-01T00_00_00+00_00"
    folder = report.parents[1] / run
    folder.mkdir(exist_ok=True)
    for file, kind in (("verdict.json", "application/json"), ("card.md", "text/markdown; charset=utf-8")):
        (folder / file).write_text("{}")
        answer = server.get(f"/perennial/reports/orders/runs/{run}/{file}", token=server.token)
        assert (answer.status, answer.headers["content-type"]) == (200, kind)


@pytest.mark.parametrize(
    "path",
    [
        f"{RUN}/data_docs.html",
        f"{RUN}/none.html",
        "/perennial/reports/other/runs/r/data_docs.html",
        "/perennial/reports/!/runs/../x.html",
    ],
)
def test_nobody_learns_anything_without_a_login(server: ApiServer, report: Path, path: str) -> None:
    assert server.get(path).status in (401, 404)
    assert server.get(path, token="forged").status in (403, 404)
    assert b"expectations" not in server.get(path).body


@pytest.mark.parametrize("path", ["/perennial/docs", "/perennial/redoc", "/perennial/openapi.json", "/perennial/"])
def test_there_are_no_pages_about_the_api(server: ApiServer, path: str) -> None:
    assert server.get(path).status == 404


def test_a_user_who_may_not_read_the_dag_may_not_read_its_reports(server: ApiServer, report: Path) -> None:
    secret = server.store / "secret" / "runs" / "manual__1" / "data_docs.html"
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text("<h1>secret</h1>")

    answer = server.get("/perennial/reports/secret/runs/manual__1/data_docs.html", token=server.token)

    assert answer.status == 403
    assert b"<h1>" not in answer.body


@pytest.fixture
def drift_reports(server: ApiServer) -> Path:
    """The reports of check 12 of three models."""
    for model in ("orders", "half", "secret"):
        path = server.store / model / "monitor" / "reports" / "00000012" / "report.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<h1>{model} drifted</h1>")
    return server.store


def test_a_user_reads_the_report_of_a_check(server: ApiServer, drift_reports: Path) -> None:
    answer = server.get("/perennial/reports/orders/checks/12/report.html", token=server.token)

    assert (answer.status, answer.body) == (200, b"<h1>orders drifted</h1>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none';")


@pytest.mark.parametrize("model", ["half", "secret"])
def test_the_report_of_a_check_is_for_those_who_may_read_the_monitoring_dag(
    server: ApiServer, drift_reports: Path, model: str
) -> None:
    path = f"/perennial/reports/{model}/checks/12/report.html"

    assert server.get(path, token=server.token).status == 403
    assert server.get(path).status == 401
    assert b"drifted" not in server.get(path).body


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/perennial/reports/orders/checks/13/report.html", 404),
        ("/perennial/reports/orders/checks/0/report.html", 422),
        ("/perennial/reports/orders/checks/../report.html", 422),
        ("/perennial/reports/orders/checks/12/check.json", 404),
        ("/perennial/reports/orders/monitor/state.json", 404),
    ],
)
def test_of_a_check_only_the_report_is_served(server: ApiServer, drift_reports: Path, path: str, status: int) -> None:
    (drift_reports / "orders" / "monitor" / "state.json").write_text("{}")

    assert server.get(path, token=server.token).status == status


BACKTEST = "/perennial/reports/{}/backtests/0123456789abcdef/backtest.html"


@pytest.fixture
def backtests(server: ApiServer) -> Path:
    """The page of a backtest of three models, and their JSON beside it."""
    for model in ("orders", "half", "secret"):
        path = server.store / model / "backtests" / "0123456789abcdef" / "backtest.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<h1>{model} replayed</h1>")
        path.with_suffix(".json").write_text("{}")
    return server.store


def test_a_user_reads_the_page_of_a_backtest(server: ApiServer, backtests: Path) -> None:
    answer = server.get(BACKTEST.format("orders"), token=server.token)

    assert (answer.status, answer.body) == (200, b"<h1>orders replayed</h1>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none';")


@pytest.mark.parametrize("model", ["half", "secret", "unknown"])
def test_the_page_of_a_backtest_is_for_those_who_may_read_its_dag(
    server: ApiServer, backtests: Path, model: str
) -> None:
    assert server.get(BACKTEST.format(model), token=server.token).status == 403
    assert server.get(BACKTEST.format(model), token="forged").status == 403
    assert server.get(BACKTEST.format(model)).status == 401
    assert b"replayed" not in server.get(BACKTEST.format(model)).body


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("fedcba9876543210/backtest.html", 404),
        ("0123456789abcdef/backtest.json", 404),
        ("0123456789abcdef/replay.json", 404),
        ("0123456789ABCDEF/backtest.html", 422),
        ("%2e%2e/backtest.html", 422),
    ],
)
def test_of_a_backtest_only_the_page_is_served(server: ApiServer, backtests: Path, path: str, status: int) -> None:
    answer = server.get(f"/perennial/reports/orders/backtests/{path}", token=server.token)

    assert answer.status == status
    if path == "fedcba9876543210/backtest.html":
        assert b"Backtest fedcba9876543210 of orders has no page" in answer.body


def test_a_report_that_is_not_there_is_said_clearly(server: ApiServer) -> None:
    answer = server.get("/perennial/reports/orders/runs/none/data_docs.html", token=server.token)

    assert answer.status == 404
    assert b"Run none of orders has no data_docs.html" in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/perennial/reports/orders/runs/../../outside.html",
        "/perennial/reports/orders/runs/%2e%2e/outside.html",
        "/perennial/reports/orders/runs/manual__1/..%2f..%2f..%2foutside.html",
        "/perennial/reports/orders/runs/manual__1/%2e%2e%2foutside.html",
        "/perennial/reports/orders/runs/manual__1/%2fetc%2fpasswd",
        "/perennial/reports/orders/snapshots/digest/manifest.json",
        "/perennial/reports/orders/runs/manual__1/model.skops",
        "/perennial/reports/orders/runs/manual__1/data_docs.html%00.png",
    ],
)
def test_only_reports_of_runs_are_served(server: ApiServer, report: Path, path: str) -> None:
    for name in ("outside.html", "orders/outside.html", "orders/runs/outside.html"):
        (server.store / name).write_text("outside")
    snapshot = server.store / "orders" / "snapshots" / "digest" / "manifest.json"
    snapshot.parent.mkdir(parents=True, exist_ok=True)
    snapshot.write_text("{}")
    (report.parent / "model.skops").write_text("model")

    assert server.get(path, token=server.token).status in (404, 422)


@pytest.fixture
def regional_dags(airflow_home: Path) -> None:
    """DAGs of models of two regions in Airflow's database, as their parsed files leave them there."""
    from airflow.models.dag import DagModel, DagTag
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name="reports"))
        session.flush()
        for model, region in (("abroad", "eu-west"), ("stray", "us")):
            for kind in ("retrain", "monitor", "backtest"):
                dag = DagModel(dag_id=f"{model}.{kind}", bundle_name="reports", fileloc="dags/x.py")
                dag.tags = [DagTag(name=tag, dag_id=dag.dag_id) for tag in ("perennial", f"region:{region}")]
                session.merge(dag)


def test_a_regions_reports_come_from_its_own_store(server: ApiServer, regional_dags: None) -> None:
    replay = "backtests/0123456789abcdef/backtest.html"
    for key in ("runs/manual__1/data_docs.html", "monitor/reports/00000003/report.html", replay):
        for store, text in (
            (server.store, "from everybody's"),
            (server.store.with_name("store-eu"), "from the region's"),
        ):
            path = store / "abroad" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    for path in ("runs/manual__1/data_docs.html", "checks/3/report.html", replay):
        answer = server.get(f"/perennial/reports/abroad/{path}", token=server.token)
        assert (answer.status, answer.body) == (200, b"from the region's")


def test_a_region_whose_store_the_server_does_not_know_is_said(server: ApiServer, regional_dags: None) -> None:
    kept = server.store / "stray" / "runs" / "manual__1" / "data_docs.html"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("from everybody's")

    answer = server.get("/perennial/reports/stray/runs/manual__1/data_docs.html", token=server.token)

    assert answer.status == 500
    assert b"stray belongs to region 'us', and PERENNIAL_STORE_US is not set" in answer.body
