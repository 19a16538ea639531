"""Files in a source whose names others chose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perennial.data.ingest import ingest
from perennial.data.snapshots.manifest import load_manifest
from perennial.errors import DataError
from tests.conftest import S3Server
from tests.unit.data.conftest import RunMaker, SpecMaker
from tests.unit.data.flights import land

NAMES = [
    "a//b.parquet",
    "/c.parquet",
    "//d.parquet",
    "e f/é?#%2F&+:*.parquet",
    "g\\..\\h.parquet",
    "i\x1b[31m.parquet",
]


@pytest.mark.integration
@pytest.mark.parametrize("name", NAMES)
def test_every_object_below_a_prefix_is_read_however_it_is_named(
    s3_server: S3Server,
    make_run: RunMaker,
    make_spec: SpecMaker,
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable, value in s3_server.environment.items():
        monkeypatch.setenv(variable, value)
    bucket = s3_server.new_bucket()
    for key, first in (("flights/plain.parquet", 0), (f"flights/{name}", 10)):
        content = land(tmp_path, first=first).read_bytes()
        s3_server.client().put_object(Bucket=bucket, Key=key, Body=content)
    run = make_run(make_spec(source={"uri": f"s3://{bucket}/flights"}))
    snapshot = ingest(run)
    assert snapshot.rows == 20
    assert {found.name for found in load_manifest(run.store, "flights", snapshot.digest).source_objects} == {
        f"s3://{bucket}/flights/plain.parquet",
        f"s3://{bucket}/flights/{name}",
    }
    assert ingest(run).reused


@pytest.mark.integration
def test_names_that_would_lead_out_of_a_folder_do_not_count(
    s3_server: S3Server, make_run: RunMaker, make_spec: SpecMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in s3_server.environment.items():
        monkeypatch.setenv(variable, value)
    bucket = s3_server.new_bucket()
    content = land(tmp_path).read_bytes()
    for key in ("flights/plain.parquet", "flights/../up.parquet", "flights/a/./b.parquet"):
        s3_server.client().put_object(Bucket=bucket, Key=key, Body=content)
    run = make_run(make_spec(source={"uri": f"s3://{bucket}/flights"}))
    snapshot = ingest(run)
    assert [found.name for found in load_manifest(run.store, "flights", snapshot.digest).source_objects] == [
        f"s3://{bucket}/flights/plain.parquet"
    ]


def test_a_name_that_is_not_unicode_is_an_error_of_the_source(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    content = land(folder).read_bytes()
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.parquet")).write_bytes(content)
    except OSError:
        pytest.skip("this file system refuses such names by itself")
    with pytest.raises(DataError, match=r"^flights/caf\\udce9\.parquet: the file's name is not in UTF-8: rename it$"):
        ingest(make_run(make_spec()))
