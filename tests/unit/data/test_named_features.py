from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from perennial.data.ingest import ingest
from perennial.data.snapshots.manifest import load_manifest
from perennial.data.snapshots.run_on import run_on
from perennial.data.sources.open_source import open_source
from perennial.errors import SpecError
from tests.unit.data.conftest import RunMaker, SpecMaker
from tests.unit.data.flights import land

PATTERNS = {"numeric": ["*"], "categorical": ["carrier"]}


def test_patterns_are_resolved_once_and_recorded_with_the_snapshot(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    land(folder)
    run = make_run(make_spec(features=PATTERNS))
    snapshot = ingest(run)
    expected = {"numeric": ("distance", "flight"), "categorical": ("carrier",), "text": (), "datetime": ()}
    assert snapshot.features == load_manifest(run.store, "flights", snapshot.digest).features == expected
    assert list(snapshot.schema_) == ["at", "late", "distance", "flight", "carrier"]
    assert run_on(run, snapshot).spec.features.kinds == expected


def test_patterns_and_the_names_that_they_stand_for_give_the_same_snapshot(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    land(folder)
    named = {"numeric": ["distance", "flight"], "categorical": ["carrier"]}
    digests = {ingest(make_run(make_spec(features=each))).digest for each in (PATTERNS, named)}
    assert len(digests) == 1


def test_the_record_is_of_the_run_even_if_another_wrote_the_rows(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    land(folder)
    ingest(make_run(make_spec(features={"numeric": ["distance"], "text": ["ca*"]})))
    again = ingest(make_run(make_spec(features={"numeric": ["distance"], "categorical": ["ca*"]})))
    assert again.reused
    assert again.features["categorical"] == ("carrier",)


def test_a_column_that_only_some_files_of_the_window_have_is_not_taken(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    land(folder, "a.parquet", rows=48)
    land(folder, "b.parquet", rows=48, first=48, gust=pa.array([1.0] * 48))
    taken = {
        days: ingest(make_run(make_spec(features=PATTERNS, source={"window": {"days": days}}))).features["numeric"]
        for days in (1, 3)
    }
    assert taken == {1: ("distance", "flight", "gust"), 3: ("distance", "flight")}


def test_columns_of_folders_and_of_queries_count(folder: Path, make_run: RunMaker, make_spec: SpecMaker) -> None:
    land(folder, "region=east/a.parquet")
    assert ingest(make_run(make_spec(features={"categorical": ["*"]}))).features["categorical"] == (
        "carrier", "distance", "flight", "region",
    )  # fmt: skip


def test_what_was_found_in_the_files_serves_named_features_too(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(folder)
    run = make_run(make_spec(features=PATTERNS))
    snapshot = ingest(run)
    source: Any = open_source(run)
    monkeypatch.setattr(source, "_look_through", lambda stored: pytest.fail(f"{stored.key} is opened again"))
    source.scan()
    assert snapshot.features["numeric"] == ("distance", "flight")


def test_a_pattern_without_a_column_is_named_with_what_there_is(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    land(folder)
    with pytest.raises(SpecError) as refused:
        ingest(make_run(make_spec(features={"numeric": ["distance", "temp_*"]})))
    assert "  features.numeric[1]: 'temp_*' stands for no column that has no other role\n" in str(refused.value)
    assert "have: at, carrier, distance, flight, late." in str(refused.value)
