"""The digest of a snapshot is that of its rows, in whatever order, files and format they come."""

from __future__ import annotations

import csv
import gzip
import json
import math
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.data.ingest import ingest
from perennial.data.snapshots.records import Snapshot
from perennial.deployment import Deployment
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore

Row = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema(
    {
        "at": pa.timestamp("us", "UTC"),
        "id": pa.string(),
        "late": pa.int64(),
        "distance": pa.float64(),
        "carrier": pa.string(),
        "gate": pa.int32(),
    }
)
COLUMNS = SCHEMA.names

texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=1, max_size=90
)
rows = st.fixed_dictionaries(
    {
        "at": st.datetimes(datetime(2012, 1, 1), datetime(2014, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
        "id": st.sampled_from(["7", "007", "8", "Ä"]),
        "late": st.sampled_from([0, 1]),
        "distance": st.none() | st.floats(allow_nan=False),
        "carrier": st.none() | texts | st.sampled_from(["UA", "NA", "1.0"]),
        "gate": st.none() | st.integers(-5, 5),
    }
)


def write_parquet(table: list[Row], path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(table, SCHEMA), path.with_suffix(".parquet"), row_group_size=3)


def write_csv(table: list[Row], path: Path) -> None:
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(row | {"at": row["at"].isoformat()} for row in table)


def write_csv_gz(table: list[Row], path: Path) -> None:
    write_csv(table, path)
    plain = path.with_suffix(".csv")
    path.with_suffix(".csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()


def write_jsonl(table: list[Row], path: Path) -> None:
    lines = [json.dumps(row | {"at": row["at"].isoformat()}, ensure_ascii=False) for row in table]
    path.with_suffix(".jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


FORMATS: dict[str, tuple[str, Callable[[list[Row], Path], None]]] = {
    "parquet": ("parquet", write_parquet),
    "csv": ("csv", write_csv),
    "csv.gz": ("csv", write_csv_gz),
    "jsonl": ("jsonl", write_jsonl),
}


def spec_of(**source: Any) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "flights",
            "task": "classification",
            "source": {"event_time": "at", "window": {"since": "2000-01-01T00:00:00Z"}} | source,
            "target": {"column": "late"},
            "features": {"numeric": ["distance"], "categorical": ["carrier"]},
            "validation": [{"type": "expect_column_to_exist", "kwargs": {"column": "gate"}}],
            "model": {"estimator": "sklearn.dummy.DummyClassifier"},
            "evaluation": {"holdout": {"fraction": 0.2}, "primary": "roc_auc"},
        }
    )


def snapshot_of(spec: ModelSpec, root: Path, sql_url: str | None = None) -> Snapshot:
    store = LocalStore(root / "store")
    return ingest(
        RetrainingRun(
            spec=spec,
            deployment=Deployment(store=store, tracking_uri="", data_root=root, sql_url=sql_url),
            run_id="one",
            now=NOW,
        )
    )


def snapshot_of_files(table: list[Row], files: int, format_: str, key: list[str]) -> Snapshot:
    name, write = FORMATS[format_]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "rows").mkdir()
        for index in range(files):
            if part := table[index::files]:
                write(part, root / "rows" / f"{index}")
        return snapshot_of(spec_of(uri="rows", format=name, key=key), root)


def snapshot_of_query(table: list[Row], key: list[str]) -> Snapshot:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db.sqlite"
        connection = sqlite3.connect(path)
        connection.execute("create table f (at text, id text, late integer, distance real, carrier text, gate integer)")
        marks = ", ".join("?" for _ in COLUMNS)
        connection.executemany(
            f"insert into f values ({marks})",
            [[row["at"].isoformat(), *(row[name] for name in COLUMNS[1:])] for row in table],
        )
        connection.commit()
        connection.close()
        spec = spec_of(sql="select * from f", connection="db", key=key)
        return snapshot_of(spec, Path(folder), f"sqlite:///{path}")


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    table = draw(st.lists(rows, min_size=1, max_size=12))
    again = draw(st.lists(st.sampled_from(table), max_size=4))
    # The type of a column that the spec leaves open is the source's to say, which CSV cannot without a value.
    return [*table, *again, table[0] | {"gate": 1}]


@settings(deadline=None, max_examples=25)
@given(
    table=tables(),
    shuffled=st.randoms(use_true_random=False),
    files=st.integers(1, 4),
    format_=st.sampled_from([*FORMATS, "sql"]),
    key=st.sampled_from([[], ["id"], ["id", "carrier"]]),
)
def test_digest_is_the_same_for_every_order_layout_and_format(
    table: list[Row], shuffled: Any, files: int, format_: str, key: list[str]
) -> None:
    plain = snapshot_of_files(table, 1, "parquet", key)
    other = list(table)
    shuffled.shuffle(other)
    again = snapshot_of_query(other, key) if format_ == "sql" else snapshot_of_files(other, files, format_, key)
    same = ("digest", "rows", "start", "end", "schema_", "rows_read", "exact_duplicates", "key_duplicates")
    assert {name: getattr(again, name) for name in same} == {name: getattr(plain, name) for name in same}


@settings(deadline=None, max_examples=10)
@given(table=tables(), index=st.integers(0), column=st.sampled_from(["distance", "carrier", "late", "at"]))
def test_digest_differs_when_one_value_does(table: list[Row], index: int, column: str) -> None:
    changed = [dict(row) for row in table]
    row = changed[index % len(changed)]
    row[column] = {
        "distance": math.pi,
        "carrier": "other",
        "late": 2,
        "at": datetime(2013, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    }[column]
    kept = [{json.dumps(one | {"id": None}, default=str) for one in each} for each in (table, changed)]
    before, after = (snapshot_of_files(each, 1, "parquet", []) for each in (table, changed))
    assert (before.digest != after.digest) == (kept[0] != kept[1])
