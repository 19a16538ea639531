from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from demo import flights
from demo.home import REPOSITORY
from perennial.spec import ModelSpec


@pytest.fixture(scope="module")
def february() -> pd.DataFrame:
    return flights.month_of_flights(2)


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return ModelSpec.model_validate(yaml.safe_load((REPOSITORY / "dags/models/flight_delay.yaml").read_text()))


def test_the_key_is_unique(february: pd.DataFrame, spec: ModelSpec) -> None:
    assert list(spec.source.key) == flights.KEY
    assert not february.duplicated(flights.KEY).any()


def test_the_first_flight_is_as_the_source_has_it(february: pd.DataFrame) -> None:
    # 2013-02-01 05:00 from Newark, US Airways 1117 to Charlotte: departed 04:56, arrived 4 minutes after its schedule.
    first = february[(february["carrier"] == "US") & (february["flight"] == "1117")].iloc[0]
    assert first["event_time"] == pd.Timestamp("2013-02-01T10:00:00Z")
    assert (first["flight_date"], first["origin"], first["dest"], first["hour"]) == ("2013-02-01", "EWR", "CLT", 5)
    assert first["day_of_week"] == 5
    assert first["late"] == 0


def test_event_times_are_utc_through_daylight_saving() -> None:
    march = flights.month_of_flights(3)
    local = march["event_time"].dt.tz_convert("America/New_York")
    assert (local.dt.hour == march["hour"]).all()
    assert (local.dt.strftime("%Y-%m-%d") == march["flight_date"]).all()


def test_the_label_is_missing_only_where_a_flight_never_arrived(february: pd.DataFrame) -> None:
    # The raw file has 1,340 flights of February without an arrival delay, and 5,418 over 15 minutes.
    assert february["late"].isna().sum() == 1340
    assert february["late"].sum() == 5418


def test_weather_is_that_of_the_origin_and_the_scheduled_hour(february: pd.DataFrame) -> None:
    groups = february.groupby(["origin", february["event_time"].dt.floor("h")])["temp"]
    assert (groups.nunique(dropna=False) == 1).all()
    assert february["temp"].notna().mean() > 0.99


def test_nothing_that_is_known_only_after_departure_lands(february: pd.DataFrame) -> None:
    after = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}
    assert not after & set(february.columns)
    # A column that gives the answer away would separate the classes by itself.
    late = february["late"].fillna(0).astype(float)
    numbers = february.drop(columns="late").select_dtypes("number")
    assert numbers.corrwith(late).abs().max() < 0.3


def test_every_column_of_the_spec_lands(february: pd.DataFrame, spec: ModelSpec) -> None:
    assert set(spec.columns) <= set(february.columns)


def test_the_demo_spec_s_expectations_hold_for_its_columns(february: pd.DataFrame, spec: ModelSpec) -> None:
    named = {item.kwargs["column"] for item in spec.validation if "column" in item.kwargs}
    assert named <= set(february.columns)


def test_landing_twice_leaves_one_equal_file_and_nothing_else(tmp_path: Path) -> None:
    path = flights.land(2, tmp_path)
    first = path.read_bytes()
    assert flights.land(2, tmp_path) == path
    assert path.read_bytes() == first
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")] == ["flights", "flights/2013-02.parquet"]


def test_clearing_keeps_what_somebody_else_put_there(tmp_path: Path) -> None:
    landed = flights.land(2, tmp_path)
    other = landed.with_name("mine.parquet")
    other.touch()
    flights.clear(tmp_path)
    assert not landed.exists()
    assert other.exists()


def test_a_month_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="month 13: the data are of 2013"):
        flights.month_of_flights(13)
