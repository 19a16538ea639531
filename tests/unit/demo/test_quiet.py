from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import ks_2samp

from demo import flights, quiet
from demo.home import DAGS
from demo.periods import WINTER, ZONE, batches
from perennial.spec.reading.loader import load_folder, load_spec

DEMO_SPEC = DAGS / "models" / "flight_delay.yaml"


@pytest.fixture(scope="module")
def batch() -> pd.DataFrame:
    return quiet.resampled(batches()[0])


def test_a_batch_is_as_large_as_the_year_s_and_lies_in_its_days(batch: pd.DataFrame) -> None:
    days = batches()[0].days
    per_day = batch["event_time"].dt.tz_convert(ZONE).dt.date.value_counts()
    assert set(per_day.index) == set(days)
    assert set(per_day) == {quiet.FLIGHTS_A_DAY}
    assert abs(len(batch) / len(flights.flights_of(batches()[0])) - 1) < 0.01


def test_every_row_has_a_key_of_its_own(batch: pd.DataFrame) -> None:
    assert not batch.duplicated(flights.KEY).any()
    assert not pd.concat([batch, quiet.resampled(batches()[1])]).duplicated(flights.KEY).any()


def test_columns_and_types_are_those_of_the_flights(batch: pd.DataFrame) -> None:
    month = flights.month_of_flights(quiet.MONTH)
    assert list(batch.columns) == list(month.columns)
    assert batch.dtypes.to_dict() == month.dtypes.to_dict()
    assert batch["event_time"].is_monotonic_increasing


def test_no_column_is_farther_from_the_month_than_chance_allows(batch: pd.DataFrame) -> None:
    month = flights.month_of_flights(quiet.MONTH)
    for column in month[[*flights.WEATHER, "hour", "day_of_week", "distance", "late"]]:
        drawn, known = (rows[column].dropna().astype(float) for rows in (batch, month))
        # Were all rows different, D would pass this once in ten thousand columns; ties make it rarer.
        assert ks_2samp(drawn, known).pvalue > 1e-4, column


def test_the_same_period_lands_the_same_rows_and_another_seed_others(batch: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(batch, quiet.resampled(batches()[0]))
    assert not batch["late"].equals(quiet.resampled(batches()[0], seed=1)["late"])


def test_the_quiet_model_is_watched_with_the_settings_of_the_other(tmp_path: Path) -> None:
    quiet.lay_out_dags(tmp_path / "dags", DAGS, DEMO_SPEC)
    specs, problems = load_folder(tmp_path / "dags" / "models")
    assert problems == ()
    (spec,) = specs.values()
    demo = load_spec(DEMO_SPEC)
    assert spec.name == quiet.MODEL
    assert (spec.monitoring, spec.retraining, spec.evaluation) == (demo.monitoring, demo.retraining, demo.evaluation)
    assert spec.schedule is None


def test_the_dag_files_find_the_spec_beside_them(tmp_path: Path) -> None:
    quiet.lay_out_dags(tmp_path / "dags", DAGS, DEMO_SPEC)
    for name in quiet.DAG_FILES:
        file = tmp_path / "dags" / name
        assert file.read_bytes() == (DAGS / name).read_bytes()
        assert (file.parent / "models" / f"{quiet.MODEL}.yaml").exists()


def test_rows_land_beside_the_flights_in_a_folder_of_their_own(tmp_path: Path) -> None:
    landed = quiet.land_resampled(WINTER, tmp_path)
    assert landed.relative_to(tmp_path).as_posix() == f"{quiet.FOLDER}/2013-01-01.parquet"
    assert len(pd.read_parquet(landed)) == quiet.FLIGHTS_A_DAY * 59
    flights.clear(tmp_path, quiet.FOLDER)
    assert not landed.exists()
