"""A spec's source finds its connection, or the error says which one to add."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter

from perennial.errors import SpecError
from perennial.spec import SourceSection
from perennial_airflow.hooks.source import SourceHook

if TYPE_CHECKING:
    from tests.conftest import S3Server

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]


def _source(**fields: Any) -> SourceSection:
    return TypeAdapter(SourceSection).validate_python({"event_time": "at", "window": {"days": 9}, **fields})


def _query(connection: str) -> SourceSection:
    return _source(sql="SELECT 1", connection=connection)


def test_local_files_need_no_connection() -> None:
    assert SourceHook(_source(uri="orders/")).arguments() == {}


def test_a_query_gets_its_connections_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "postgres://anna:s3cret@db.example:5433/shop")

    url = SourceHook(_query("shop")).arguments()["sql_url"]

    assert url.partition("://")[0].startswith("postgresql")
    assert url.endswith("anna:s3cret@db.example:5433/shop")


def test_sqlite_gets_the_path_of_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sqlite3

    from sqlalchemy import create_engine, text

    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE orders AS SELECT 7 AS items")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f'{{"conn_type": "sqlite", "host": "{tmp_path}/shop.db"}}')

    with create_engine(SourceHook(_query("shop")).arguments()["sql_url"]).connect() as connection:
        assert connection.execute(text("SELECT items FROM orders")).scalar_one() == 7


def test_a_missing_connection_is_named() -> None:
    with pytest.raises(SpecError, match=r"Airflow has no connection 'shop': .*AIRFLOW_CONN_SHOP"):
        SourceHook(_query("shop")).arguments()


def test_a_connection_that_is_no_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "aws://")
    with pytest.raises(SpecError, match="'shop' is not a SQL database"):
        SourceHook(_query("shop")).arguments()


@pytest.mark.integration
def test_s3_takes_the_aws_connection(monkeypatch: pytest.MonkeyPatch, s3_server: S3Server) -> None:
    bucket = s3_server.new_bucket()
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    extra = f'{{"endpoint_url": "{s3_server.endpoint}", "region_name": "us-east-1"}}'
    monkeypatch.setenv(
        "AIRFLOW_CONN_AWS_DEFAULT",
        f'{{"conn_type": "aws", "login": "test", "password": "test", "extra": {extra}}}',
    )

    client = SourceHook(_source(uri=f"s3://{bucket}/orders/")).arguments()["s3"]

    assert client.meta.endpoint_url == s3_server.endpoint
    client.put_object(Bucket=bucket, Key="orders/a", Body=b"1")
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


@pytest.mark.integration
def test_s3_without_connection_takes_the_environment(monkeypatch: pytest.MonkeyPatch, s3_server: S3Server) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)

    client = SourceHook(_source(uri="s3://bucket/orders/")).arguments()["s3"]

    assert client.meta.endpoint_url == s3_server.endpoint


@pytest.mark.integration
def test_a_folder_below_a_data_root_on_s3_is_read_from_s3(monkeypatch: pytest.MonkeyPatch, s3_server: S3Server) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    assert SourceHook(_source(uri="orders/")).arguments() == {}
    monkeypatch.setenv("PERENNIAL_DATA", "s3://landing")
    assert SourceHook(_source(uri="orders/")).arguments()["s3"].meta.endpoint_url == s3_server.endpoint
