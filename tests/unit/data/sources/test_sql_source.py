from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from perennial.data.ingest import ingest
from perennial.data.snapshots.read import read_snapshot
from perennial.data.sources.sql_source import SqlSource
from perennial.data.values.columns import column_kinds, column_types
from perennial.data.window import Bounds
from perennial.errors import DataError, SourceUnavailable, StoreError
from tests.unit.data.conftest import RunMaker, SpecMaker
from tests.unit.data.flights import START, land

SQL = "select * from flights where note <> ' :00 ' or note like '%:x'"


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "flights.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("create table flights (at, flight int, distance real, carrier, late int, note text)")
        rows = [
            ((START + timedelta(hours=n)).isoformat(), n, 100.0 * n, ("UA", "AA", "DL")[n % 3], n % 2, "ok")
            for n in range(72)
        ]
        connection.executemany("insert into flights values (?, ?, ?, ?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{path}"


@pytest.fixture
def sql_spec(make_spec: SpecMaker) -> Any:
    def make(sql: str = SQL, **source: Any) -> Any:
        plain = make_spec().model_dump(exclude_unset=True)
        plain["source"] = {"event_time": "at", "window": {"days": 1}, "sql": sql, "connection": "flights_db"} | source
        return make_spec().model_validate(plain)

    return make


def test_a_query_gives_the_same_snapshot_as_a_file(
    database: str, folder: Path, make_run: RunMaker, make_spec: SpecMaker, sql_spec: Any
) -> None:
    land(folder, rows=72)
    files = ingest(make_run(make_spec(source={"window": {"days": 1}, "key": ["flight"]})))
    query = ingest(make_run(sql_spec(key=["flight"]), sql_url=database))
    assert (query.digest, query.rows, query.as_of) == (files.digest, 24, files.as_of)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from flights -- the newest: all",
        "-- it's :at; yes\nselect * from flights /* not ':carrier' */",
        "select * from flights --",
        "  select * from flights\n\n-- a\n-- b\n  ",
    ],
)
def test_comments_in_a_query_are_the_users_own(
    database: str, folder: Path, make_run: RunMaker, make_spec: SpecMaker, sql_spec: Any, sql: str
) -> None:
    land(folder, rows=72)
    files = ingest(make_run(make_spec(source={"window": {"days": 1}})))
    assert ingest(make_run(sql_spec(sql), sql_url=database)).digest == files.digest


@pytest.mark.parametrize("text", [":at", "a::b", r"\:at", r"a\\:b", "100%", "%(at)s", "?", "--", ";", "/*"])
def test_text_in_a_query_is_taken_letter_by_letter(database: str, make_run: RunMaker, sql_spec: Any, text: str) -> None:
    run = make_run(sql_spec(f"select at, late, distance, '{text}' as carrier from flights"), sql_url=database)
    assert set(read_snapshot(run.store, ingest(run)).carrier) == {text}


def test_a_window_of_rows_is_found_in_the_database(database: str, make_run: RunMaker, sql_spec: Any) -> None:
    run = make_run(sql_spec(window={"rows": 7}), sql_url=database, as_of=START + timedelta(hours=30))
    assert read_snapshot(run.store, ingest(run))["at"].min() == START + timedelta(hours=24)


@pytest.mark.parametrize(("first", "last", "rows"), [(None, 71, 72), (24, 30, 7), (70, 90, 2), (80, 90, 0)])
def test_rows_within_bounds_are_counted(database: str, sql_spec: Any, first: int | None, last: int, rows: int) -> None:
    source = SqlSource(sql_spec(), database)
    source.scan()
    start = None if first is None else START + timedelta(hours=first)
    assert source.count(Bounds(start, START + timedelta(hours=last))) == rows


@pytest.mark.parametrize(
    ("cast", "zone"),
    [("at", None), ("datetime(at)", "UTC"), ("strftime('%Y-%m-%dT%H:%M:%SZ', at)", None)],
)
def test_the_database_leaves_out_what_is_far_from_the_window(
    database: str, sql_spec: Any, cast: str, zone: str | None
) -> None:
    spec = sql_spec(f"select {cast} as at, flight, distance, carrier, late from flights", time_zone=zone)
    source = SqlSource(spec, database)
    summary = source.scan()
    assert (summary.start, summary.end, summary.rows) == (START, START + timedelta(hours=71), 72)
    with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
        for day in range(100, 200):
            row = ((START + timedelta(days=day)).isoformat(), 1, 1.0, "UA", 1, "ok")
            connection.execute("insert into flights values (?, ?, ?, ?, ?, ?)", row)
    bounds = Bounds(START, START + timedelta(hours=9))
    fetched: list[int] = []
    real = source._answer
    source._answer = lambda *args: (fetched.append(rows.batch.num_rows) or rows for rows in real(*args))
    types = column_types(column_kinds(spec), summary.value_types)
    assert sum(batch.num_rows for batch in source.read(spec, bounds, types)) == 10
    assert sum(fetched) <= 72


def test_native_times_are_compared_with_and_without_zone(tmp_path: Path, sql_spec: Any) -> None:
    url = f"sqlite:///{tmp_path / 'native.sqlite'}"
    engine = sa.create_engine(url)
    flights = sa.Table("f", sa.MetaData(), sa.Column("at", sa.DateTime), sa.Column("late", sa.Integer))
    flights.create(engine)
    engine.dispose()
    source = SqlSource(sql_spec(), url)
    bounds = Bounds(datetime(2013, 1, 5, tzinfo=UTC), datetime(2013, 1, 9, tzinfo=UTC))
    source._native, source._is_aware = datetime, False
    assert source._ends(bounds) == {"start": datetime(2013, 1, 3), "end": datetime(2013, 1, 11)}
    source._is_aware = True
    assert source._ends(bounds)["start"] == datetime(2013, 1, 3, tzinfo=UTC)


def test_a_missing_event_time_is_counted(database: str, make_run: RunMaker, sql_spec: Any) -> None:
    sql = "select nullif(at, '2013-01-01T00:00:00+00:00') as at, distance, carrier, late from flights"
    with pytest.raises(DataError, match="the query over flights_db: the event time 'at' is missing in 1 row:"):
        ingest(make_run(sql_spec(sql), sql_url=database))


def test_a_wrong_query_is_refused_and_not_retried(database: str, make_run: RunMaker, sql_spec: Any) -> None:
    with pytest.raises(DataError, match="refuses the query: no such table: fligths") as caught:
        ingest(make_run(sql_spec("select * from fligths"), sql_url=database))
    assert not caught.value.retryable


def test_a_query_without_rows(database: str, make_run: RunMaker, sql_spec: Any) -> None:
    with pytest.raises(DataError, match="the query over flights_db has no rows"):
        ingest(make_run(sql_spec("select * from flights where 1 = 0"), sql_url=database))


def test_missing_columns_of_a_query_are_named(database: str, make_run: RunMaker, sql_spec: Any) -> None:
    with pytest.raises(DataError, match="feature 'distance'"):
        ingest(make_run(sql_spec("select at, carrier, late from flights"), sql_url=database))


def test_text_among_numbers_is_named(database: str, make_run: RunMaker, sql_spec: Any) -> None:
    sql = "select at, carrier, late, case flight when 60 then 'far' else distance end as distance from flights"
    with pytest.raises(DataError, match=r"column 'distance': 'far' is not a number"):
        ingest(make_run(sql_spec(sql), sql_url=database))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg2://me:s3cr%40t@127.0.0.1:1/db", SourceUnavailable),
        ("sqlite:////no/such/folder/s3cr@t.sqlite", SourceUnavailable),
        ("nosuch://me:s3cr@t@host/db", DataError),
        ("s3cr@t", DataError),
    ],
)
def test_an_unusable_url_is_never_shown(url: str, expected: type[Exception], make_run: RunMaker, sql_spec: Any) -> None:
    run = make_run(sql_spec(), sql_url=url)
    with pytest.raises(expected) as caught:
        ingest(run)
    for text in (str(caught.value), repr(run)):
        assert "s3cr" not in text
    assert caught.value.__suppress_context__


def test_a_query_needs_a_url(make_run: RunMaker, sql_spec: Any) -> None:
    with pytest.raises(DataError, match="'flights_db', whose SQLAlchemy URL was not given"):
        ingest(make_run(sql_spec()))


def test_an_ingest_that_ends_early_closes_its_connection(
    database: str, make_run: RunMaker, sql_spec: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perennial.data.sources.sql_source._BATCH_ROWS", 5)
    monkeypatch.setattr("perennial.data.snapshots.row_spill.BATCH_ROWS", 2)

    def failing(*_: Any) -> Any:
        raise StoreError("the disk is full")

    monkeypatch.setattr("perennial.data.ingest.hash_rows", failing)
    with pytest.raises(StoreError, match="the disk is full"):
        ingest(make_run(sql_spec(), sql_url=database))


def test_a_feature_that_a_query_no_longer_gives_is_missing_in_all_rows(
    database: str, make_run: RunMaker, sql_spec: Any
) -> None:
    imputing = {"changes": {"gone": "impute"}}
    ingest(make_run(sql_spec(**imputing), sql_url=database))
    run = make_run(sql_spec("select at, flight, distance, late from flights", **imputing), sql_url=database)
    snapshot = ingest(run)
    assert (snapshot.imputed, snapshot.rows) == (("carrier",), 24)
    assert read_snapshot(run.store, snapshot).carrier.isna().all()
