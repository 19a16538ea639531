"""Rows whose event time lies beyond the clock are in nothing, and people are told how many and which."""

from __future__ import annotations

import gzip
import json
import logging
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from perennial.data.ingest import ingest
from perennial.data.snapshots.records import FutureRows, Snapshot
from perennial.data.sources.file_source import FileSource
from perennial.data.sources.open_source import open_source
from perennial.data.sources.scan import scan_source
from perennial.deployment import Deployment
from perennial.errors import DataError
from perennial.run import CLOCKS_APART, RetrainingRun
from perennial.store.local import LocalStore
from tests.unit.data.conftest import NOW, SpecMaker

START = NOW - timedelta(days=40)
ROWS = 30
WRONG = datetime(2188, 3, 28, tzinfo=UTC)
LATEST = NOW + timedelta(hours=24)

KINDS = ["parquet", "parquet without statistics", "csv", "jsonl", "times in a database", "text in a database"]


def rows_at(times: list[datetime], first: int = 0) -> pd.DataFrame:
    numbers = range(first, first + len(times))
    return pd.DataFrame(
        {
            "at": pd.to_datetime(pd.Series(times), utc=True).astype("datetime64[us, UTC]"),
            "distance": [float(number) for number in numbers],
            "carrier": [("UA", "AA")[number % 2] for number in numbers],
            "late": [number % 2 for number in numbers],
        }
    )


class Place:
    """A source of one kind: files of a format, or a table."""

    def __init__(self, kind: str, home: Path, make_spec: SpecMaker) -> None:
        self.kind = kind
        self.home = home
        self.make_spec = make_spec
        self.folder = home / "data" / "flights"
        self.folder.mkdir(parents=True)
        self.delivered = 0

    @property
    def in_database(self) -> bool:
        return "database" in self.kind

    def deliver(self, name: str, times: list[datetime]) -> None:
        rows = rows_at(times, self.delivered)
        self.delivered += len(times)
        if self.in_database:
            with sqlite3.connect(self.home / "flights.sqlite") as connection:
                naive = rows.assign(at=rows["at"].dt.tz_localize(None))
                kept = rows.assign(at=rows["at"].map(lambda at: at.isoformat())) if "text" in self.kind else naive
                types = {"at": "text" if "text" in self.kind else "timestamp"}
                kept.to_sql("flights", connection, if_exists="append", index=False, dtype=types)
            connection.close()
        elif self.kind == "csv":
            rows.to_csv(self.folder / f"{name}.csv", index=False)
        elif self.kind == "jsonl":
            lines = [json.dumps(row | {"at": row["at"].isoformat()}) for row in rows.to_dict("records")]
            (self.folder / f"{name}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
        else:
            statistics = "without" not in self.kind
            rows.to_parquet(
                self.folder / f"{name}.parquet", index=False, row_group_size=10, write_statistics=statistics
            )

    def run(self, **changes: Any) -> RetrainingRun:
        source = {"future": changes.pop("future", {})} | changes.pop("source", {})
        sql_url = f"sqlite:///{self.home}/flights.sqlite" if self.in_database else None
        if self.in_database:
            # SQLite has no times: SQLAlchemy makes them of a column that the query declares as such.
            source |= {"sql": "select * from flights", "connection": "db", "uri": None, "time_zone": "UTC"}
        else:
            source |= {"format": self.kind.split()[0]}
        plain = self.make_spec().model_dump(exclude_unset=True)
        plain["source"] = {name: value for name, value in (plain["source"] | source).items() if value is not None}
        deployment = Deployment(
            store=LocalStore(self.home / "store"), tracking_uri="", data_root=self.home / "data", sql_url=sql_url
        )
        spec = self.make_spec().model_validate(plain)
        return RetrainingRun(**({"spec": spec, "deployment": deployment, "now": NOW, "run_id": "first"} | changes))


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, make_spec: SpecMaker) -> Place:
    return Place(request.param, tmp_path, make_spec)


def hours(count: int, start: datetime = START) -> list[datetime]:
    return [start + timedelta(hours=number) for number in range(count)]


def test_a_row_from_the_future_is_in_no_snapshot_and_is_named(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.deliver("good", hours(ROWS))
    place.deliver("odd", [*hours(3, START + timedelta(days=2)), WRONG, START + timedelta(days=3)])
    with caplog.at_level(logging.WARNING):
        snapshot = ingest(place.run())
    assert (snapshot.rows, snapshot.end, snapshot.as_of) == (ROWS + 4, START + timedelta(days=3), snapshot.end)
    assert snapshot.future is not None
    assert (snapshot.future.rows, snapshot.future.latest) == (1, LATEST)
    where = "the query over db" if place.in_database else "row 4"
    (example,) = snapshot.future.examples
    assert where in example
    assert place.in_database or "flights/odd." in example
    assert example.endswith(": 2188-03-28 00:00:00 UTC")
    assert snapshot.future.sentence in caplog.text
    assert "source.future.tolerance_hours" in caplog.text
    assert Snapshot.model_validate_json(snapshot.model_dump_json()) == snapshot


@pytest.mark.parametrize("window", [{"days": 5}, {"rows": 10}, {"since": START.isoformat()}])
def test_no_kind_of_window_is_moved_by_it(place: Place, window: dict[str, Any]) -> None:
    place.deliver("good", hours(ROWS))
    without = ingest(place.run(source={"window": window}))
    place.deliver("odd", [WRONG, WRONG + timedelta(days=1)])
    again = ingest(place.run(source={"window": window}))
    assert (again.digest, again.window_start, again.as_of) == (without.digest, without.window_start, without.as_of)


def test_the_spec_may_refuse_it_and_then_nothing_is_kept(place: Place) -> None:
    place.deliver("odd", [*hours(ROWS), WRONG])
    run = place.run(future={"rows": "refuse"})
    with pytest.raises(
        DataError, match=r"1 row lies in the future, after 2026-01-02 00:00 UTC \(.*2188-03-28"
    ) as caught:
        ingest(run)
    assert "Correct these event times" in str(caught.value)
    assert not [item.key for item in run.store.list("flights/snapshots/")]


def test_all_but_a_few_are_only_counted(place: Place) -> None:
    place.deliver("odd", [*hours(ROWS), *hours(1200, WRONG)])
    future = ingest(place.run()).future
    assert future is not None
    assert (future.rows, len(future.examples)) == (1200, 3)
    assert "; and 1,197 more)" in future.sentence


def test_event_times_may_be_ahead_as_far_as_the_spec_says(place: Place) -> None:
    place.deliver("odd", [*hours(ROWS), LATEST])
    assert ingest(place.run()).end == LATEST
    place.deliver("more", [LATEST + timedelta(microseconds=1)])
    found = ingest(place.run())
    assert (found.end, found.future and found.future.rows) == (LATEST, 1)
    assert ingest(place.run(future={"tolerance_hours": 25})).end == LATEST + timedelta(microseconds=1)
    strict = ingest(place.run(future={"tolerance_hours": 0}))
    assert (strict.end, strict.future and strict.future.rows) == (START + timedelta(hours=ROWS - 1), 2)


def test_it_is_a_row_like_all_others_when_its_time_has_come(place: Place) -> None:
    """What is known of a file is kept for good, so it must not depend on the clock."""
    soon = NOW + timedelta(days=3)
    place.deliver("good", [*hours(ROWS), soon])
    assert ingest(place.run()).rows == ROWS
    later = ingest(place.run(now=soon, run_id="later"))
    assert (later.rows, later.end, later.future) == (ROWS + 1, soon, None)


def test_a_source_of_nothing_else_has_no_rows_and_says_why(place: Place) -> None:
    place.deliver("odd", [WRONG, WRONG])
    with pytest.raises(DataError, match=r"has no rows except those that were set aside\. 2 rows lie in the future"):
        ingest(place.run())


def test_the_newest_row_that_can_be_true_may_be_far_from_the_clock(place: Place) -> None:
    place.deliver("good", hours(ROWS, datetime(1998, 1, 1, tzinfo=UTC)))
    place.deliver("odd", [WRONG])
    assert ingest(place.run(source={"window": {"days": 400}})).rows == ROWS


def test_files_that_end_before_the_clock_are_not_opened_for_it(
    tmp_path: Path, make_spec: SpecMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place("csv", tmp_path, make_spec)
    for number in range(5):
        place.deliver(f"good{number}", hours(ROWS, START + timedelta(days=number)))
    run = place.run()
    scan_source(run, open_source(run))
    opened: list[str] = []
    once = FileSource._opened
    monkeypatch.setattr(FileSource, "_opened", lambda self, item: opened.append(item.key) or once(self, item))
    assert scan_source(run, open_source(run))[1] is None
    assert opened == []
    place.deliver("odd", [WRONG])
    summary, future = scan_source(run, open_source(run))
    assert (summary.end, future and future.rows) == (START + timedelta(days=4, hours=ROWS - 1), 1)
    # Once to be looked through for the first time, once for what lies in the future.
    assert opened == ["flights/odd.csv", "flights/odd.csv"]


def test_as_of_in_the_future_is_refused_before_anything_is_read(tmp_path: Path, make_spec: SpecMaker) -> None:
    place = Place("csv", tmp_path, make_spec)
    with pytest.raises(DataError, match=r"as_of 2999-01-01T00:00:00\+00:00 lies in the future: .* Leave it out"):
        place.run(as_of=datetime(2999, 1, 1, tzinfo=UTC))
    # What one machine takes for the newest event time must not be refused by another whose clock is a little behind.
    assert place.run(as_of=LATEST + CLOCKS_APART)
    assert place.run(as_of=datetime(2013, 1, 1, tzinfo=UTC))


def test_the_sentence_counts() -> None:
    one = FutureRows(rows=1, latest=LATEST, examples=("a.csv, row 7: 2188-03-28 00:00:00 UTC",))
    assert one.sentence == (
        "1 row lies in the future, after 2026-01-02 00:00 UTC (a.csv, row 7: 2188-03-28 00:00:00 UTC). It is set "
        "aside: correct its event time, or if it is right raise source.future.tolerance_hours."
    )
