"""The validation stage."""

from __future__ import annotations

from perennial.data.snapshots.read import read_snapshot
from perennial.data.snapshots.records import Snapshot
from perennial.layout import DATA_DOCS
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.validation.check import check
from perennial.validation.failed import describe
from perennial.validation.page import render_page
from perennial.validation.quiet import quiet
from perennial.validation.records import Validation
from perennial.validation.suite import check_spec


def validate(run: RetrainingRun, snapshot: Snapshot) -> Validation:
    """Check a snapshot against the spec's expectations, and write the report to the store.

    A second call overwrites the report with the same one. A validation that fails returns; it does not raise.

    Parameters
    ----------
    run : RetrainingRun
    snapshot : Snapshot
        Only the columns that the expectations need are read.

    Returns
    -------
    Validation
        Not passed if any expectation does not hold or could not be checked; passed if there are no expectations.

    Raises
    ------
    SpecError
        An expectation does not exist or does not take its arguments.
    StoreError
        The snapshot cannot be read or the report not be stored.
    """
    spec = run.spec
    with quiet():
        check_spec(spec)
        rows = read_snapshot(run.store, snapshot, columns=_columns(spec, snapshot))
        checked = check(spec, rows)
    # The page is stored with the rows. The returned record goes into logs and messages, which may leave the region.
    failed = tuple(describe(one, with_values=spec.region is None) for one in checked if not one.holds)
    key = run.prefix + DATA_DOCS.name
    run.store.write(key, render_page(run, snapshot, checked))
    return Validation(passed=not failed, expectations=len(checked), failed=failed, data_docs_key=key)


def _columns(spec: ModelSpec, snapshot: Snapshot) -> list[str]:
    """Return the columns to read: those that the expectations name, or all if an expectation may need any column."""
    available = list(snapshot.schema_)
    if any(item.type.startswith("expect_table_column") for item in spec.validation):
        return available
    named = {column for item in spec.validation for columns in item.columns.values() for column in columns}
    named.update(column for item in spec.validation for column in item.condition_columns)
    # The event time is always read: without any named column, rows could not be counted.
    named.add(spec.source.event_time)
    # Great Expectations reports the other columns as missing.
    return [column for column in available if column in named]
