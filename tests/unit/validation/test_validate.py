"""Validation of real snapshots by the real Great Expectations, on rows whose failures are known."""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
import warnings
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from perennial.data.ingest import ingest
from perennial.data.snapshots.records import Snapshot
from perennial.errors import SpecError
from perennial.store import LocalStore
from perennial.validation.records import FailedExpectation, Validation
from perennial.validation.validate import validate
from tests.unit.validation.flights import HOSTILE, ROWS, START, Bench, between, expect

pytestmark = pytest.mark.integration


def only(validation: Validation) -> FailedExpectation:
    assert not validation.passed
    (failed,) = validation.failed
    return failed


class TestOutcome:
    def test_expectations_that_hold_pass(self, bench: Bench) -> None:
        validation = bench.validate(
            [
                between("air_time", min_value=50, max_value=120),
                between("distance", min_value=0, max_value=5000, mostly=0.5),
                expect("column_values_to_not_be_null", column="carrier", mostly=0.8),
                expect("table_row_count_to_be_between", min_value=8, max_value=8),
            ]
        )
        assert validation == Validation(
            passed=True,
            expectations=4,
            failed=(),
            data_docs_key="flights/runs/manual__2013-02-01T00_00_00+00_00/data_docs.html",
        )

    def test_rows_that_fail_are_counted_and_shown(self, bench: Bench) -> None:
        validation = bench.validate([between("distance", min_value=0, max_value=5000, mostly=0.9)])
        assert only(validation) == FailedExpectation(
            type="expect_column_values_to_be_between",
            column="distance",
            unexpected_rows=3,
            rows=8,
            examples=("9999", "-5", "inf"),
            sentence="distance: expect_column_values_to_be_between (min_value 0, max_value 5000, mostly 0.9) does not "
            "hold in 3 of 8 rows (42.9% of those with a value), such as 9999, -5, inf",
        )

    def test_of_a_region_the_page_shows_values_and_nothing_else_does(self, bench: Bench) -> None:
        run = bench.run(
            [
                between("distance", min_value=0, max_value=5000),
                expect("column_max_to_be_between", column="air_time", max_value=100),
            ]
        )
        run = replace(run, spec=run.spec.model_copy(update={"region": "eu"}))

        validation = validate(run, ingest(run))

        assert [failed.examples for failed in validation.failed] == [(), ()]
        assert [failed.sentence.partition(") ")[2] for failed in validation.failed] == [
            "does not hold in 3 of 8 rows (42.9% of those with a value)",
            "does not hold",
        ]
        page = bench.store.read(validation.data_docs_key).decode()
        assert [f"<code>{value}</code>" in page for value in ("9999", "-5", "inf")] == [True] * 3
        assert "found 120" in page

    def test_missing_values_are_counted_without_examples(self, bench: Bench) -> None:
        failed = only(bench.validate([expect("column_values_to_not_be_null", column="carrier")]))
        assert (failed.column, failed.unexpected_rows, failed.rows, failed.examples) == ("carrier", 1, 8, ())
        assert failed.sentence.endswith("does not hold in 1 of 8 rows (12.5%)")

    def test_examples_are_distinct_and_five_at_most(self, bench: Bench) -> None:
        failed = only(bench.validate([expect("column_values_to_be_in_set", column="carrier", value_set=["none"])]))
        assert failed.unexpected_rows == 7
        assert failed.examples == ("'AA'", "'UA'", "'??'", repr(HOSTILE))
        failed = only(bench.validate([between("air_time", max_value=0)]))
        assert failed.examples == ("50", "60", "70", "80", "90")

    def test_a_figure_of_the_whole_column_is_shown(self, bench: Bench) -> None:
        failed = only(bench.validate([expect("column_mean_to_be_between", column="air_time", max_value=10)]))
        assert (failed.unexpected_rows, failed.rows) == (None, None)
        assert failed.sentence == "air_time: expect_column_mean_to_be_between (max_value 10) does not hold: found 85"

    def test_an_expectation_of_the_table_names_no_column(self, bench: Bench) -> None:
        failed = only(bench.validate([expect("table_row_count_to_be_between", min_value=1000)]))
        assert failed.column is None
        assert failed.sentence == (
            "the snapshot: expect_table_row_count_to_be_between (min_value 1000) does not hold: found 8"
        )

    def test_several_columns_are_all_named(self, bench: Bench) -> None:
        failed = only(
            bench.validate(
                [expect("column_pair_values_a_to_be_greater_than_b", column_A="air_time", column_B="distance")]
            )
        )
        assert failed.column == "air_time, distance"
        assert failed.examples[0] == "(50, 100)"

    def test_an_expectation_that_cannot_be_checked_fails_and_the_others_are_checked(self, bench: Bench) -> None:
        validation = bench.validate(
            [
                between("carrier", min_value=5),
                between("air_time", max_value=60),
            ]
        )
        unchecked, wrong = validation.failed
        assert unchecked.column == "carrier"
        assert "could not be checked" in unchecked.sentence
        assert wrong.unexpected_rows == 6

    def test_a_column_that_is_not_in_the_snapshot_fails_by_name(self, bench: Bench) -> None:
        run = bench.run([])
        snapshot = ingest(run)
        failed = only(validate(bench.run([expect("column_to_exist", column="gone")]), snapshot))
        assert failed.column == "gone"
        failed = only(validate(bench.run([between("gone", min_value=0)]), snapshot))
        assert "could not be checked" in failed.sentence
        assert "gone" in failed.sentence.partition("could not be checked")[2]

    def test_failures_come_in_the_order_of_the_spec(self, bench: Bench) -> None:
        validation = bench.validate(
            [
                between("distance", min_value=0),
                expect("table_row_count_to_be_between", min_value=1000),
                expect("column_values_to_be_unique", column="carrier"),
                expect("column_mean_to_be_between", column="air_time", max_value=10),
                between("air_time", max_value=0),
            ]
        )
        assert [(failed.type, failed.column) for failed in validation.failed] == [
            ("expect_column_values_to_be_between", "distance"),
            ("expect_table_row_count_to_be_between", None),
            ("expect_column_values_to_be_unique", "carrier"),
            ("expect_column_mean_to_be_between", "air_time"),
            ("expect_column_values_to_be_between", "air_time"),
        ]

    @pytest.mark.parametrize("bound", ["2013-01-04", "2013-01-04T00:00:00", "2013-01-04T01:00:00+01:00", START.date()])
    def test_event_times_are_compared_in_utc(self, bench: Bench, bound: Any) -> None:
        failed = only(bench.validate([between("time", max_value=bound)]))
        assert failed.unexpected_rows == (7 if bound == START.date() else 4)

    def test_a_condition_may_name_other_columns(self, bench: Bench) -> None:
        condition = {"row_condition": "air_time > 100", "condition_parser": "pandas"}
        failed = only(bench.validate([between("distance", max_value=200, **condition)]))
        assert failed.unexpected_rows == 1

    def test_all_columns_are_there_where_the_table_is_judged_by_them(self, bench: Bench) -> None:
        columns = list(ROWS.columns)
        assert bench.validate([expect("table_columns_to_match_set", column_set=columns)]).passed
        assert bench.validate([expect("table_column_count_to_equal", value=len(columns))]).passed


class TestSpecs:
    def test_everything_wrong_is_named_at_once_and_nothing_is_stored(self, bench: Bench) -> None:
        run = bench.run(
            [
                between("distance", min_value=0),
                expect("column_values_to_be_betwixt", column="distance"),
                between("distance", minimum=0),
            ]
        )
        snapshot = ingest(run)
        with pytest.raises(SpecError) as caught:
            validate(run, snapshot)
        assert "validation[0]" not in str(caught.value)
        assert re.search(r"validation\[1\].*betwixt.*expect_column_values_to_be_between", str(caught.value))
        assert re.search(r"validation\[2\].*minimum", str(caught.value))
        assert list(bench.store.list(run.prefix)) == []


class TestQuiet:
    def test_no_progress_bars_no_chatter_and_no_warnings(
        self, bench: Bench, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        run = bench.run(
            [
                between("distance", min_value=0),
                expect("column_values_to_be_unique", column="carrier"),
                expect("column_distinct_values_to_be_in_set", column="carrier", value_set=["AA"]),
                expect("column_mean_to_be_between", column="air_time", max_value=10),
                expect("column_pair_values_a_to_be_greater_than_b", column_A="air_time", column_B="distance"),
                expect("compound_columns_to_be_unique", column_list=["carrier", "late"]),
            ]
        )
        snapshot = ingest(run)
        caplog.clear()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            validate(run, snapshot)
        assert [record.getMessage() for record in caplog.records] == []
        assert [str(warning.message) for warning in caught] == []
        assert capfd.readouterr() == ("", "")

    def test_nothing_is_sent_anywhere(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: list[object] = []
        monkeypatch.setattr(socket.socket, "connect", lambda _, address: sent.append(address))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **_: sent.append(arguments))
        bench.validate([between("distance", min_value=0)])
        assert sent == []

    def test_telemetry_is_off_before_great_expectations_is_imported(self) -> None:
        code = "import os, sys, perennial.validation; print(os.environ['GX_ANALYTICS_ENABLED'], 'great_expectations' in sys.modules)"
        environment = {name: value for name, value in os.environ.items() if name != "GX_ANALYTICS_ENABLED"}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == "false False\n"


def test_only_the_columns_that_are_needed_are_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from perennial.validation import validate as module

    asked: list[list[str]] = []
    read = module.read_snapshot

    def watched(store: LocalStore, snapshot: Snapshot, *, columns: list[str]) -> pd.DataFrame:
        asked.append(columns)
        return read(store, snapshot, columns=columns)

    monkeypatch.setattr(module, "read_snapshot", watched)
    bench.validate([between("distance", min_value=0)])
    assert asked == [["time", "distance"]]
