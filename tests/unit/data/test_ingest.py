from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perennial.data import ingest as ingest_module
from perennial.data.ingest import ingest
from perennial.data.snapshots.manifest import load_manifest
from perennial.data.snapshots.read import read_snapshot
from perennial.data.snapshots.run_on import run_on
from perennial.errors import DataError, SourceUnavailable, SpecError, StoreError
from perennial.store.local import LocalStore
from tests.unit.data.conftest import RunMaker, SpecMaker
from tests.unit.data.flights import START, kept_besides_file_facts, land, table


def test_a_snapshot_holds_the_specs_columns_of_all_files(folder: Path, make_run: RunMaker) -> None:
    land(folder, "a.parquet", 10)
    land(folder, "deeper/b.parquet", 5, first=10)
    land(folder, "_unfinished.parquet", 5, first=100)
    land(folder, ".hidden/c.parquet", 5, first=100)
    (folder / "notes.txt").write_text("not data")
    run = make_run()
    snapshot = ingest(run)
    assert (snapshot.rows, snapshot.rows_read) == (15, 15)
    assert (snapshot.start, snapshot.end) == (START, START + timedelta(hours=14))
    assert snapshot.schema_ == {
        "at": "timestamp[us, tz=UTC]",
        "late": "int64",
        "distance": "double",
        "carrier": "string",
    }
    manifest = load_manifest(run.store, "flights", snapshot.digest)
    assert [one.name for one in manifest.source_objects] == ["flights/a.parquet", "flights/deeper/b.parquet"]
    stored = {one.key.removeprefix(snapshot.prefix): one.size_bytes for one in run.store.list(snapshot.prefix)}
    assert set(stored) == {"manifest.json", *(part.name for part in manifest.parts)}
    assert (
        sum(part.size_bytes for part in manifest.parts)
        == snapshot.size_bytes
        == sum(stored.values()) - stored["manifest.json"]
    )


def test_the_same_rows_are_written_once(folder: Path, make_run: RunMaker) -> None:
    land(folder)
    first = ingest(make_run())
    store = make_run().store
    before = {one.key: one.version for one in store.list(first.prefix)}
    again = ingest(make_run(run_id="second", as_of=START + timedelta(days=3)))
    assert (again.digest, again.reused, first.reused) == (first.digest, True, False)
    assert again.as_of == START + timedelta(days=3)
    assert again.end == first.end
    assert {one.key: one.version for one in store.list(first.prefix)} == before


def test_the_default_as_of_is_the_newest_event_time(folder: Path, make_run: RunMaker, make_spec: SpecMaker) -> None:
    land(folder, rows=72)
    snapshot = ingest(make_run(make_spec(source={"window": {"days": 1}})))
    assert snapshot.as_of == snapshot.end == START + timedelta(hours=71)
    assert snapshot.rows == 24
    assert snapshot.window_start == snapshot.as_of - timedelta(days=1) + timedelta(microseconds=1)


def test_window_days_of_the_run_replace_the_specs(folder: Path, make_run: RunMaker) -> None:
    land(folder, rows=72)
    assert ingest(make_run(window_days=0.5)).rows == 12


def test_a_window_of_rows_takes_the_newest_and_what_ties_with_them(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    land(folder, "a.parquet", 30)
    land(folder, "b.parquet", 30, distance=pa.array([1.0] * 30))
    run = make_run(make_spec(source={"window": {"rows": 5}}), as_of=START + timedelta(hours=20))
    snapshot = ingest(run)
    assert (snapshot.rows, snapshot.start) == (6, START + timedelta(hours=18))
    assert snapshot.end == START + timedelta(hours=20)


def test_files_outside_the_window_are_not_read(folder: Path, make_run: RunMaker) -> None:
    broken = land(folder, "a.parquet", 10, distance=pa.array(["far"] * 10))
    land(folder, "b.parquet", 10, first=100)
    with pytest.raises(DataError, match="'far' is not a number"):
        ingest(make_run())
    snapshot = ingest(make_run(window_days=0.25))
    objects = load_manifest(make_run().store, "flights", snapshot.digest).source_objects
    assert (snapshot.rows, [one.name for one in objects]) == (6, ["flights/b.parquet"])
    assert broken.exists()


def test_equal_rows_are_kept_once_and_of_a_key_the_newest(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    land(folder, "a.parquet", 10)
    land(folder, "b.parquet", 5, first=5)
    late = [START + timedelta(days=1)] * 2
    land(folder, "c.parquet", 2, at=pa.array(late), distance=pa.array([7.0, 7.0]))
    run = make_run(make_spec(source={"key": ["flight"]}))
    snapshot = ingest(run)
    assert (snapshot.rows_read, snapshot.exact_duplicates, snapshot.key_duplicates, snapshot.rows) == (17, 5, 2, 10)
    frame = read_snapshot(run.store, snapshot)
    assert frame.flight.is_unique
    assert frame[frame.flight.isin(["0", "1"])].distance.tolist() == [7.0, 7.0]


def test_missing_and_infinite_features_are_kept_and_said(
    folder: Path, make_run: RunMaker, caplog: pytest.LogCaptureFixture
) -> None:
    land(folder, rows=4, distance=pa.array([1.0, None, float("nan"), float("inf")]))
    run = make_run()
    with caplog.at_level(logging.INFO):
        frame = read_snapshot(run.store, ingest(run))
    assert frame.distance.isna().sum() == 2
    assert frame.distance.max() == float("inf")
    assert "missing values, which are kept, by column: distance 2" in caplog.text
    assert "infinite values, which are kept, by column: distance 1" in caplog.text


def test_changes_of_the_sources_columns_are_reported_and_again_when_retried(folder: Path, make_run: RunMaker) -> None:
    land(folder, "a.parquet")
    assert ingest(make_run(run_id="january")).schema_changes == ()
    changed = table(first=10, distance=pa.array([1] * 10)).append_column("gate", pa.array(["A"] * 10))
    pq.write_table(changed.drop_columns("flight"), folder / "a.parquet")
    for _ in range(2):
        changes = ingest(make_run(run_id="february")).schema_changes
        assert [(one.column, one.change, one.before, one.after) for one in changes] == [
            ("distance", "retyped", "double", "int64"),
            ("flight", "removed", "int64", None),
            ("gate", "added", None, "string"),
        ]
    assert ingest(make_run(run_id="march")).schema_changes == ()


def test_changes_that_the_spec_does_not_only_note_stop_every_run_until_it_does(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    land(folder, "a.parquet")
    ingest(make_run(run_id="january"))
    changed = table(first=10, distance=pa.array([1] * 10)).append_column("gate", pa.array(["A"] * 10))
    pq.write_table(changed.drop_columns("flight"), folder / "a.parquet")
    strict = make_spec(source={"changes": {"new": "stop", "gone": "stop"}})

    for run_id in ("february", "february", "march"):
        with pytest.raises(DataError) as refused:
            ingest(make_run(strict, run_id=run_id))
        assert "source.changes.new: column 'gate' was not there, is string" in str(refused.value)
        assert "source.changes.gone: column 'flight' was int64, is not there" in str(refused.value)
        assert "distance" not in str(refused.value)

    assert len(ingest(make_run(run_id="march")).schema_changes) == 3
    assert ingest(make_run(strict, run_id="april")).schema_changes == ()


def test_a_run_that_was_killed_before_the_manifest_leaves_nothing_behind(
    folder: Path, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(folder)

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> str:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "create", killed)
        with pytest.raises(Killed):
            ingest(make_run())
    store = make_run().store
    (stray,) = store.list("flights/snapshots/")
    store.write(stray.key.rpartition("/")[0] + "/part-00009-0.parquet", b"of a run that read in another order")
    snapshot = ingest(make_run())
    assert not snapshot.reused
    assert sum(1 for _ in store.list(snapshot.prefix)) == 2


def test_of_two_runs_at_once_one_makes_the_snapshot_and_both_have_it(
    folder: Path, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(folder, "a.parquet", 10)
    land(folder, "b.parquet", 10, first=10)
    real = ingest_module.keep

    def overtaken(*args: Any) -> bool:
        """Let another run, which reads the files in another order, end first."""
        monkeypatch.setattr(ingest_module, "keep", real)
        (folder / "a.parquet").rename(folder / "c.parquet")
        assert not ingest(make_run(run_id="other")).reused
        return real(*args)

    monkeypatch.setattr(ingest_module, "keep", overtaken)
    run = make_run()
    snapshot = ingest(run)
    assert snapshot.reused
    assert sum(1 for _ in run.store.list(snapshot.prefix)) == 2
    assert len(read_snapshot(run.store, snapshot)) == 20


def test_a_file_that_changes_while_it_is_read_is_worth_another_try(
    folder: Path, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(folder)
    real = ingest_module.hash_rows

    def replacing(*args: Any) -> Any:
        land(folder, rows=11)
        return real(*args)

    monkeypatch.setattr(ingest_module, "hash_rows", replacing)
    with pytest.raises(SourceUnavailable, match=r"flights/a\.parquet was replaced or removed"):
        ingest(make_run())
    assert kept_besides_file_facts(make_run().store) == []


def test_s3_source_and_store_give_the_same_snapshot(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker, s3_server: Any
) -> None:
    from perennial.store.s3 import S3Store

    land(folder, "a.parquet", 10)
    land(folder, "b.parquet", 5, first=10)
    local = ingest(make_run())
    bucket, client = s3_server.new_bucket(), s3_server.client()
    for path in folder.iterdir():
        client.upload_file(str(path), bucket, f"landed/flights/{path.name}")
    client.put_object(Bucket=bucket, Key="landed/flights/_SUCCESS", Body=b"")
    spec = make_spec(source={"uri": f"s3://{bucket}/landed/flights/"})
    run = make_run(spec, store=S3Store(bucket, "store", client=client), s3=client)
    snapshot = ingest(run)
    assert snapshot.digest == local.digest
    manifest = load_manifest(run.store, "flights", snapshot.digest)
    assert [one.name for one in manifest.source_objects] == [
        f"s3://{bucket}/landed/flights/{name}.parquet" for name in "ab"
    ]
    assert len(read_snapshot(run.store, snapshot)) == 15
    below = make_run(data_root=f"s3://{bucket}/landed", store=run.store, s3=client)
    assert ingest(below).digest == local.digest


def test_only_a_run_with_a_newer_as_of_is_the_latest(folder: Path, make_run: RunMaker) -> None:
    land(folder, rows=72)
    newest = ingest(make_run(run_id="now"))
    ingest(make_run(run_id="backfill", as_of=START + timedelta(days=1)))
    assert newest.digest in make_run().store.read("flights/latest_snapshot.json").decode()


def test_a_link_out_of_the_data_root_is_refused(folder: Path, make_run: RunMaker, tmp_path: Path) -> None:
    outside = land(tmp_path / "outside", "a.parquet")
    (folder / "a.parquet").symlink_to(outside)
    with pytest.raises(StoreError, match="symbolic link"):
        ingest(make_run())


def test_as_of_needs_a_zone(folder: Path, make_run: RunMaker) -> None:
    land(folder)
    with pytest.raises(DataError, match="has no zone"):
        ingest(make_run(as_of=datetime(2013, 1, 2)))
    assert ingest(make_run(as_of=datetime(2013, 1, 2, tzinfo=UTC))).rows == 10


@pytest.mark.parametrize(
    ("windows", "rows"),
    [
        ([{"rows": 4}, {"days": 0.25}], 6),
        ([{"days": 0.25}, {"rows": 8}], 8),
        ([{"days": 0.25}, {"since": "2013-01-01T00:00:00Z"}, {"rows": 5}], 10),
    ],
)
def test_of_several_windows_the_longest_is_read(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker, windows: list[dict[str, Any]], rows: int
) -> None:
    land(folder, rows=10)
    model = {"estimator": "sklearn.linear_model.LogisticRegression", "ensemble": {"members": 5}}
    spec = make_spec(source={"window": windows}, model=model)
    snapshot = ingest(make_run(spec))
    assert snapshot.rows == rows
    assert ingest(make_run(spec, run_id="second", window_days=0.125)).rows == 3, "days of a run replace all windows"


IMPUTE = {"changes": {"gone": "impute"}}


def test_a_feature_that_is_gone_is_taken_as_missing_with_a_warning_in_each_run(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker, caplog: pytest.LogCaptureFixture
) -> None:
    imputing = make_spec(source=IMPUTE)
    land(folder, "a.parquet")
    assert ingest(make_run(imputing, run_id="january")).imputed == ()
    pq.write_table(table(first=10).drop_columns("carrier"), folder / "b.parquet")
    run = make_run(imputing, run_id="february")
    partly = ingest(run)
    assert partly.imputed == ("carrier",)
    assert read_snapshot(run.store, partly).carrier.isna().tolist() == [False] * 10 + [True] * 10
    (folder / "a.parquet").unlink()
    for run_id in ("march", "march", "april", "may"):
        caplog.clear()
        snapshot = ingest(make_run(imputing, run_id=run_id))
        assert (snapshot.imputed, snapshot.rows) == (("carrier",), 10)
        assert "The source lacks carrier in some or all rows of the window: taken as missing" in caplog.text
    with pytest.raises(DataError, match="feature 'carrier'"):
        ingest(make_run(run_id="june"))


def test_a_feature_that_was_never_there_is_misspelt_and_not_gone(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    land(folder)
    ingest(make_run())
    misspelt = make_spec(features={"numeric": ["distance"], "categorical": ["carier"]}, source=IMPUTE)
    with pytest.raises(DataError, match=r"feature 'carier' \(did you mean 'carrier'\?\)"):
        ingest(make_run(misspelt))


def test_a_column_of_another_role_is_never_imputed(folder: Path, make_run: RunMaker, make_spec: SpecMaker) -> None:
    spec = make_spec(features={"numeric": ["distance", "flight"]}, source={**IMPUTE, "key": ["flight"]})
    land(folder)
    ingest(make_run(spec))
    pq.write_table(table(first=10).drop_columns("flight"), folder / "a.parquet")
    with pytest.raises(DataError, match="lacks columns"):
        ingest(make_run(spec))


LEAVE_OUT = {"changes": {"gone": "impute", "empty": "leave_out"}}


def test_a_feature_without_a_value_is_left_out_until_it_has_one(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker, caplog: pytest.LogCaptureFixture
) -> None:
    spec = make_spec(source=LEAVE_OUT)
    land(folder, "a.parquet")
    assert ingest(make_run(spec)).left_out == ()
    land(folder, "a.parquet", carrier=pa.array([None] * 10, pa.string()))
    for _ in range(2):
        run = make_run(spec, run_id="again")
        snapshot = ingest(run)
        assert (snapshot.left_out, snapshot.imputed, snapshot.features["categorical"]) == (("carrier",), (), ())
        assert run_on(run, snapshot).spec.features.columns == ("distance",)
    assert "carrier without a value in the whole window: left out of this training" in caplog.text
    land(folder, "b.parquet", rows=1, first=10)
    assert ingest(make_run(spec)).features["categorical"] == ("carrier",)


def test_a_feature_that_is_gone_from_the_whole_window_can_be_left_out(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    spec = make_spec(source=LEAVE_OUT)
    land(folder)
    ingest(make_run(spec))
    pq.write_table(table().drop_columns("carrier"), folder / "a.parquet")
    snapshot = ingest(make_run(spec))
    assert (snapshot.imputed, snapshot.left_out) == (("carrier",), ("carrier",))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"features": {"categorical": ["carrier"]}}, "features: name at least one feature"),
        (
            {
                "features": {
                    "numeric": ["distance"],
                    "categorical": ["carrier"],
                    "steps": [{"transformer": "sklearn.preprocessing.TargetEncoder", "columns": ["carrier"]}],
                }
            },
            "features.steps[0].columns: 'carrier' is neither a feature",
        ),
    ],
)
def test_what_cannot_do_without_an_empty_feature_is_an_error(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker, changes: dict[str, Any], said: str
) -> None:
    land(folder, carrier=pa.array([None] * 10, pa.string()))
    with pytest.raises(SpecError) as refused:
        ingest(make_run(make_spec(source=LEAVE_OUT, **changes)))
    assert said in str(refused.value)
    assert "Without a value in the window: carrier." in str(refused.value)
