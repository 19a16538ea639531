"""Expectations are meant of the source's values, whatever a snapshot keeps them as: by real Great Expectations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from perennial.data.ingest import ingest
from perennial.deployment import Deployment
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store import LocalStore
from perennial.validation.records import Validation
from perennial.validation.validate import validate

pytestmark = pytest.mark.integration

START = datetime(2013, 1, 1, tzinfo=UTC)
DAYS = [START + timedelta(days=day) for day in range(9)]
ROWS = pd.DataFrame(
    {
        "time": DAYS,
        "parcel": [90_000_000_000_000_001 + n for n in range(9)],
        "dock": [1, 2, 3] * 3,
        "rate": [0.5, 1.0, 1.5] * 3,
        "fragile": [True, False, True] * 3,
        "code": ["007", "008", "009"] * 3,
        "mixed": ["1", "2", "gate"] * 3,
        "due": [day.date() for day in DAYS],
        "carrier": ["AA", "UA", "AA"] * 3,
        "weight": [1, 2, 3, 4, 5, 6, 7, 8, 9],
        "late": [0, 1, 0, 1, 0, 1, 0, 1, 0],
    }
)

Check = Callable[..., Validation]


@pytest.fixture(params=["parquet", "csv", "jsonl"])
def check(tmp_path: Path, request: pytest.FixtureRequest) -> Check:
    """Validate the rows, as files of each format, with expectations."""
    folder = tmp_path / "data" / "landing"
    folder.mkdir(parents=True)

    def run(*expectations: dict[str, Any], rows: pd.DataFrame = ROWS, **source: Any) -> Validation:
        if request.param == "parquet":
            rows.to_parquet(folder / "rows.parquet")
        elif request.param == "csv":
            rows.to_csv(folder / "rows.csv", index=False)
        else:
            texts = rows.assign(time=rows["time"].map(str), due=rows["due"].map(str))
            texts.to_json(folder / "rows.jsonl", orient="records", lines=True)
        spec = ModelSpec.model_validate(
            {
                "name": "parcels",
                "task": "classification",
                "source": {
                    "uri": "landing",
                    "format": request.param,
                    "event_time": "time",
                    "key": ["parcel"],
                    "window": {"days": 30},
                    **source,
                },
                "target": {"column": "late"},
                "features": {
                    "numeric": ["weight"],
                    "categorical": ["dock", "rate", "fragile", "code", "mixed", "due", "carrier"],
                },
                "validation": list(expectations),
                "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
                "evaluation": {"holdout": {"fraction": 0.2}, "primary": "roc_auc"},
            }
        )
        retraining = RetrainingRun(
            spec=spec,
            deployment=Deployment(
                store=LocalStore(tmp_path / "store"), tracking_uri="sqlite:///nowhere.db", data_root=tmp_path / "data"
            ),
            run_id="manual__2013-02-01T00:00:00+00:00",
            now=datetime(2013, 2, 1, tzinfo=UTC),
        )
        return validate(retraining, ingest(retraining))

    return run


def expect(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": arguments}


def values(kind: str, column: str, **arguments: Any) -> dict[str, Any]:
    return expect(f"column_values_to_{kind}", column=column, **arguments)


def unexpected(validation: Validation) -> list[int | None]:
    """Rows that each failing expectation counts."""
    return [failed.unexpected_rows for failed in validation.failed]


WRONG = [
    values("not_be_in_set", "dock", value_set=[1]),
    values("not_be_in_set", "dock", value_set=["1"]),
    values("not_be_in_set", "dock", value_set=[1.0, "gate"]),
    values("not_be_in_set", "rate", value_set=[1]),
    values("not_be_in_set", "rate", value_set=[1.5]),
    values("not_be_in_set", "fragile", value_set=[False]),
    values("not_be_in_set", "fragile", value_set=["false"]),
    values("not_be_in_set", "code", value_set=["007"]),
    values("not_be_in_set", "mixed", value_set=[1]),
    values("not_be_in_set", "mixed", value_set=["1"]),
    values("not_be_in_set", "mixed", value_set=[1, "1"]),
    values("be_in_set", "dock", value_set=[2, 3]),
    values("be_in_set", "fragile", value_set=[True]),
    values("be_between", "dock", min_value=2),
    values("be_between", "dock", max_value=2),
    values("be_between", "rate", max_value=1.2),
    values("be_between", "due", min_value="2013-01-04"),
    values("match_regex", "dock", regex="^[23]$"),
    values("not_match_regex", "weight", regex="^[123]$"),
    values("not_match_regex", "dock", regex="1"),
    expect("column_value_lengths_to_equal", column="mixed", value=1),
    values("be_between", "parcel", min_value=90_000_000_000_000_100, max_value=90_000_000_000_000_200, mostly=0.1),
    expect("column_pair_values_to_be_in_set", column_A="dock", column_B="carrier", value_pairs_set=[[2, "UA"], ["3", "AA"]]),
    expect("column_pair_values_a_to_be_greater_than_b", column_A="weight", column_B="dock", or_equal=False),
]  # fmt: skip


@pytest.mark.parametrize("expectation", WRONG, ids=lambda one: f"{one['type']}-{one['kwargs']}")
def test_what_a_third_of_the_rows_does_not_meet_fails_in_these_rows(check: Check, expectation: dict[str, Any]) -> None:
    third = 9 if expectation["kwargs"].get("column") == "parcel" else 3
    assert unexpected(check(expectation)) == [third]


def test_what_the_source_s_values_meet_holds(check: Check) -> None:
    validation = check(
        values("be_in_set", "dock", value_set=[1, 2, 3]),
        values("be_in_set", "dock", value_set=["1", "2", "3"]),
        values("be_in_set", "rate", value_set=[0.5, 1, "1.5"]),
        values("be_in_set", "fragile", value_set=[True, False]),
        values("be_in_set", "mixed", value_set=[1, 2, "gate"]),
        values("be_in_set", "code", value_set=["007", "008", "009"]),
        values("be_in_set", "late", value_set=[True, False]),
        values("be_in_set", "late", value_set=["0", "1"]),
        values("be_in_set", "weight", value_set=[*range(1, 9), "9"]),
        values("be_in_set", "due", value_set=[str(day) for day in ROWS["due"]]),
        values("be_in_set", "due", value_set=list(ROWS["due"])),
        values("be_in_set", "time", value_set=[day.isoformat() for day in DAYS]),
        values("be_in_set", "parcel", value_set=ROWS["parcel"].tolist()),
        values("be_between", "dock", min_value=1, max_value=3),
        values("be_between", "late", min_value=0, max_value=1),
        values("be_between", "due", min_value="2013-01-01", max_value="2013-01-09"),
        values("be_unique", "parcel"),
        values("be_increasing", "weight"),
        values("match_regex", "dock", regex="^[123]$"),
        values("match_regex", "weight", regex=r"^\d$"),
        values("match_regex", "code", regex="^00"),
        expect("column_value_lengths_to_equal", column="dock", value=1),
        expect("column_mean_to_be_between", column="dock", min_value=2, max_value=2),
        expect("column_sum_to_be_between", column="dock", min_value=18, max_value=18),
        expect("column_max_to_be_between", column="due", min_value="2013-01-09", max_value="2013-01-09"),
        expect("column_distinct_values_to_equal_set", column="dock", value_set=[1, 2, 3]),
        expect("column_distinct_values_to_equal_set", column="mixed", value_set=[1, 2, "gate"]),
        expect("column_distinct_values_to_contain_set", column="fragile", value_set=[True]),
        expect("column_distinct_values_to_be_in_set", column="rate", value_set=[0.5, 1, 1.5]),
        expect("column_most_common_value_to_be_in_set", column="dock", value_set=[1, 2, 3], ties_okay=True),
        expect(
            "column_kl_divergence_to_be_less_than",
            column="carrier",
            partition_object={"values": ["AA", "UA"], "weights": [2 / 3, 1 / 3]},
            threshold=0.01,
        ),
        expect("column_pair_values_to_be_equal", column_A="late", column_B="late"),
    )
    assert [failed.sentence for failed in validation.failed] == []


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("dock == 1", 3),
        ("dock == '1'", 3),
        ("dock == 1.0", 3),
        ("dock != 1", 6),
        ("dock != '1'", 6),
        ("dock > 1", 6),
        ("dock in [1, 2]", 6),
        ("dock not in ['1', '2']", 3),
        ("dock.isin([1, '2'])", 6),
        ("1 < dock <= 3", 6),
        ("`dock` == 1 & `carrier` == 'AA' | dock == 2", 6),
        ("not dock == 1", 6),
        ("fragile == True", 6),
        ("fragile == 'false'", 3),
        ("mixed == 1", 3),
        ("mixed != 1", 6),
        ("code == '007'", 3),
        ("rate == 1", 3),
        ("late == '1'", 4),
        ("due >= '2013-01-04'", 6),
        ("time > '2013-01-04T01:00:00+01:00'", 5),
        ("time in ['2013-01-04', '2013-01-05']", 2),
        ("parcel == 90000000000000002", 1),
        ("carrier.notnull() and carrier.str.startswith('A')", 6),
        ('col("dock") == 1', 3),
        ({"type": "comparison", "column": {"name": "dock"}, "operator": "==", "parameter": 1}, 3),
        ({"type": "comparison", "column": {"name": "dock"}, "operator": "NOT_IN", "parameter": ["1"]}, 6),
        ({"type": "nullity", "column": {"name": "dock"}, "is_null": False}, 9),
        (
            {
                "type": "and",
                "conditions": [
                    {"type": "comparison", "column": {"name": "dock"}, "operator": ">", "parameter": 1},
                    {"type": "comparison", "column": {"name": "carrier"}, "operator": "==", "parameter": "AA"},
                ],
            },
            3,
        ),
        ({"type": "pass_through", "pass_through_filter": "dock == 1"}, 3),
    ],
)
def test_a_condition_selects_the_rows_that_the_source_means(check: Check, condition: Any, rows: int) -> None:
    parser = "great_expectations" if str(condition).startswith("col(") else "pandas"
    arguments = {"row_condition": condition, "condition_parser": parser}
    validation = check(
        expect("table_row_count_to_equal", value=rows, **arguments), values("be_null", "weight", **arguments)
    )
    assert [(failed.unexpected_rows, failed.rows) for failed in validation.failed] == [(rows, rows)]


@pytest.mark.parametrize("condition", ["dock == 11", "dock == 'gate'", "mixed == 11", "time > '2014-01-01'"])
def test_a_condition_that_selects_no_row_fails_unless_rows_are_counted(check: Check, condition: str) -> None:
    arguments = {"row_condition": condition, "condition_parser": "pandas"}
    validation = check(
        values("not_be_null", "weight", **arguments), expect("table_row_count_to_equal", value=0, **arguments)
    )
    (failed,) = validation.failed
    assert failed.column == "weight"
    assert "was not checked: its row_condition selects none of the 9 rows" in failed.sentence


@pytest.mark.parametrize(
    ("expectation", "said"),
    [
        (values("not_be_in_set", "code", value_set=[7]), "holds the text '007', and 7 is a number: write the text in quotes"),
        (values("be_null", "weight", row_condition="code != 7"), "holds the text '007', and 7 is a number"),
        (values("be_between", "mixed", min_value=0), "could not be checked"),
        (values("not_be_null", "weight", row_condition="mixed > 1"), "cannot be applied to these rows"),
        (values("not_be_null", "weight", row_condition="time > 'noon'"), "holds times, and 'noon' is not one"),
        (values("not_be_null", "weight", row_condition="dock"), "is not true or false for each row"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_not_checked_and_fails(check: Check, expectation: dict[str, Any], said: str) -> None:
    (failed,) = check(expectation).failed
    assert said in failed.sentence


def test_a_condition_may_name_a_column_that_nothing_else_names(check: Check) -> None:
    rows = ROWS.assign(**{"loading bay": [1, 2, 3] * 3})
    arguments = {"row_condition": "`loading bay` == 1", "condition_parser": "pandas"}
    assert check(expect("table_row_count_to_equal", value=3, **arguments), rows=rows).passed


def test_values_that_are_missing_leave_numbers_numbers(check: Check) -> None:
    rows = ROWS.assign(dock=ROWS["dock"].astype("Int64").mask(ROWS["weight"] == 9))
    validation = check(
        values("not_be_in_set", "dock", value_set=[1]), values("be_between", "dock", max_value=2), rows=rows
    )
    assert unexpected(validation) == [3, 2]


def test_times_without_a_zone_are_in_the_source_s_zone(check: Check) -> None:
    rows = ROWS.assign(time=[day.replace(tzinfo=None) for day in DAYS])
    validation = check(
        values("be_between", "time", max_value="2013-01-04T00:00:00"),
        values("be_between", "time", max_value="2013-01-04T00:00:00-05:00"),
        values("be_null", "weight", row_condition="time >= '2013-01-08'"),
        rows=rows,
        time_zone="America/New_York",
    )
    assert unexpected(validation) == [5, 5, 2]
