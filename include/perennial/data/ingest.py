"""From a source to a snapshot: immutable rows, addressed by their content.

The rows of the window are read once, in record batches. Rows and their hashes are written to the disk; duplicates are
found from the hashes; the rows that stay are written to Parquet files, and the manifest is written last. The disk must
hold the window's rows uncompressed meanwhile; memory holds a few batches.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from perennial.data.snapshots.duplicates import HashSpill, Resolution
from perennial.data.snapshots.manifest import Manifest, load_manifest
from perennial.data.snapshots.parts import find_whole, keep, remove_strays, write_parts
from perennial.data.snapshots.records import ColumnChange, FutureRows, Snapshot
from perennial.data.snapshots.row_hash import hash_rows
from perennial.data.snapshots.row_spill import RowSpill, regular
from perennial.data.snapshots.schema_history import (
    LatestSnapshot,
    columns_seen,
    mark_latest,
    previous_schema,
    refuse_changes,
    schema_changes,
)
from perennial.data.snapshots.tally import Tally
from perennial.data.sources.named_features import with_named_features, without_empty_features
from perennial.data.sources.open_source import open_source
from perennial.data.sources.scan import scan_source
from perennial.data.sources.source import Source
from perennial.data.sources.summary import SourceSummary
from perennial.data.values.columns import check_columns, column_kinds, column_types
from perennial.data.window import Bounds, fixed_bounds
from perennial.errors import DataError
from perennial.printable import PrintableLog
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec, Window

log = PrintableLog(__name__)


def ingest(run: RetrainingRun) -> Snapshot:
    """Read the source's window, or the longest of several, and keep its rows as a snapshot.

    Of equal rows one is kept, and of rows with the same key the newest. The same rows give the same digest, whatever
    their order, files and format; if their snapshot is there already and undamaged, nothing is written.

    Parameters
    ----------
    run : RetrainingRun

    Returns
    -------
    Snapshot
        With the window, the counts and the schema changes of this run, even if another run wrote the rows.

    Raises
    ------
    DataError
        The source cannot be read as the spec says, has no rows in the window, or has changed in a way that the spec
        stops.
    SourceUnavailable
        The source does not answer, or changed while it was read.
    StoreError
        The store refuses to take the snapshot, such as when the disk is full.
    """
    began = time.perf_counter()
    source = open_source(run)
    summary, future = scan_source(run, source)
    gone = columns_seen(run.store, run.spec.name).intersection(run.spec.may_be_gone)
    check_columns(run.spec, summary.types, source.name, may_lack=gone)
    bounds = _bounds(run, source, summary, future)
    found = source.columns(bounds)
    run = replace(run, spec=with_named_features(run.spec, found, source.name))
    imputed = tuple(name for name in run.spec.may_be_gone if name not in found)
    types = column_types(column_kinds(run.spec), summary.value_types)
    log.info("reading %s from %s to %s", source.name, bounds.start or "the beginning", bounds.end)
    with run.store.scratch() as folder:
        rows_spill, resolution, empty = _collect(run.spec, source, bounds, types, folder)
        if not resolution.rows:
            raise _nothing_within(source, bounds, summary)
        named = run.spec.features.columns
        run = replace(run, spec=without_empty_features(run.spec, empty, source.name))
        manifest, reused = _kept(run, source, bounds, rows_spill, resolution, folder)
    changes = schema_changes(previous_schema(run.store, run.spec.name, run.run_id, manifest.digest), summary.types)
    # Before the columns are recorded as the latest, so that the next run stops as well.
    refuse_changes(changes, run.spec.source.changes, source.name)
    seen = LatestSnapshot(
        run_id=run.run_id,
        digest=manifest.digest,
        as_of=bounds.end,
        source_schema=dict(summary.types),
        imputed=imputed,
    )
    mark_latest(run.store, run.spec.name, seen, believed_until=run.latest)
    snapshot = _snapshot(run.spec, manifest, bounds, resolution, changes, reused=reused, future=future)
    left_out = tuple(name for name in named if name not in run.spec.features.columns)
    snapshot = snapshot.model_copy(update={"imputed": imputed, "left_out": left_out})
    _report(snapshot, time.perf_counter() - began)
    return snapshot


def _bounds(run: RetrainingRun, source: Source, summary: SourceSummary, future: FutureRows | None) -> Bounds:
    if summary.start is None or summary.end is None:
        if future:
            raise DataError(f"{source.name} has no rows except those that were set aside. {future.sentence}")
        raise DataError(f"{source.name} has no rows: check that something was delivered")
    if run.as_of and run.as_of.tzinfo is None:
        raise DataError(
            f"as_of {run.as_of.isoformat()} has no zone: write it with one, such as {run.as_of.isoformat()}Z"
        )
    as_of = (run.as_of or summary.end).astimezone(UTC)
    starts = [_start(source, window, as_of) for window in run.windows]
    # The snapshot is of the longest window: the others are parts of it.
    bounds = Bounds(None if None in starts else min(filter(None, starts)), as_of)
    if not bounds.overlap(summary.start, summary.end):
        raise _nothing_within(source, bounds, summary)
    return bounds


def _start(source: Source, window: Window, as_of: datetime) -> datetime | None:
    return fixed_bounds(window, as_of).start if window.rows is None else source.nth_newest(window.rows, as_of)


def _nothing_within(source: Source, bounds: Bounds, summary: SourceSummary) -> DataError:
    return DataError(
        f"{source.name} has no rows from {bounds.start or 'the beginning'} to {bounds.end}: its event times go from "
        f"{summary.start} to {summary.end}. Check as_of and the window, or whether the newest files were delivered."
    )


def _collect(
    spec: ModelSpec, source: Source, bounds: Bounds, types: dict[str, pa.DataType], folder: Path
) -> tuple[RowSpill, Resolution, set[str]]:
    """Write the rows of the window to the disk; return them, which of them stay, and the columns without a value."""
    schema, empty = pa.schema(types), set(types)
    rows_spill = RowSpill(folder / "rows.arrow", schema)
    spill = HashSpill(folder / "hashes", keyed=bool(spec.source.key))
    for batch in rows_spill.write(regular(source.read(spec, bounds, types))):
        times = batch.column(spec.source.event_time).cast(pa.int64()).to_numpy()
        spill.add(hash_rows(batch, spec.source.key), times)
        empty = {name for name in empty if batch.column(name).null_count == batch.num_rows}
    header = json.dumps([[field.name, str(field.type)] for field in schema])
    return rows_spill, spill.resolve(header.encode()), empty


def _kept(
    run: RetrainingRun, source: Source, bounds: Bounds, rows_spill: RowSpill, resolution: Resolution, folder: Path
) -> tuple[Manifest, bool]:
    """Write the rows that stay, unless they are there; return their manifest, and whether it was there already."""
    model, digest = run.spec.name, resolution.digest
    objects = source.read_objects(bounds)
    whole, found_as = find_whole(run.store, model, digest)
    reused = whole is not None
    if not reused:
        tally = Tally(run.spec)
        written = write_parts(tally.count(rows_spill.surviving(resolution)), rows_spill.schema, folder)
        tally.check_target()
        tally.report()
        manifest = Manifest(
            model=model,
            digest=digest,
            rows=resolution.rows,
            start=tally.start,
            end=tally.end,
            window_start=bounds.start,
            as_of=bounds.end,
            schema_={field.name: str(field.type) for field in rows_spill.schema},
            features=run.spec.features.kinds,
            size_bytes=sum(one.part.size_bytes for one in written),
            rows_read=resolution.rows_read,
            exact_duplicates=resolution.exact_duplicates,
            key_duplicates=resolution.key_duplicates,
            parts=tuple(one.part for one in written),
            source_objects=objects,
        )
        reused = not keep(run.store, written, manifest, found_as)
    kept = load_manifest(run.store, model, digest)
    remove_strays(run.store, kept.prefix, kept.parts)
    return kept, reused


def _snapshot(
    spec: ModelSpec,
    manifest: Manifest,
    bounds: Bounds,
    resolution: Resolution,
    changes: tuple[ColumnChange, ...],
    *,
    reused: bool,
    future: FutureRows | None,
) -> Snapshot:
    """Return the snapshot with the features, window, counts and changes of this run."""
    stored = {name: getattr(manifest, name) for name in Snapshot.model_fields}
    return Snapshot.model_validate(
        stored
        | {
            "features": spec.features.kinds,
            "window_start": bounds.start,
            "as_of": bounds.end,
            "rows_read": resolution.rows_read,
            "exact_duplicates": resolution.exact_duplicates,
            "key_duplicates": resolution.key_duplicates,
            "schema_changes": changes,
            "future": future,
            "reused": reused,
        }
    )


def _report(snapshot: Snapshot, seconds: float) -> None:
    if snapshot.future:
        log.warning(snapshot.future.sentence)
    if snapshot.gone:
        log.warning(snapshot.gone)
    for change in snapshot.schema_changes:
        log.warning(
            "column %r was %s since the last snapshot: %s -> %s",
            change.column,
            change.change,
            change.before or "none",
            change.after or "none",
        )
    log.info(
        "%s %s: %d rows from %s to %s, %.1f MB; %d exact and %d key duplicates left out of %d rows; %.1f s",
        "found again" if snapshot.reused else "wrote",
        snapshot.prefix,
        snapshot.rows,
        snapshot.start,
        snapshot.end,
        snapshot.size_bytes / 1e6,
        snapshot.exact_duplicates,
        snapshot.key_duplicates,
        snapshot.rows_read,
        seconds,
    )
