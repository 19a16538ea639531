"""A small slice of the real flights, and a spec that trains on it in a second."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # the demo prepares the flights; it is not part of the package

from demo.flights import month_of_flights

SPEC = """
name: flight_delay
description: A slice of the demo's model, small enough for tests.
task: classification
source:
  uri: flights/
  event_time: event_time
  key: [flight_date, carrier, flight, origin]
  window: {days: 60}
target: {column: late, label_delay_days: 1}
features:
  numeric: [hour, day_of_week, distance, plane_age, temp, wind_speed, precip, visib]
  categorical: [carrier, origin, dest]
validation:
  - type: expect_column_values_to_be_between
    kwargs: {column: distance, min_value: 1, max_value: 6000}
  - type: expect_column_values_to_be_in_set
    kwargs: {column: origin, value_set: [EWR, JFK, LGA]}
model:
  estimator: sklearn.ensemble.HistGradientBoostingClassifier
  params: {max_iter: 20}
  seed: 1
evaluation:
  holdout: {days: 10}
  primary: roc_auc
  metrics: [log_loss, f1]
  gates: {minimum: {roc_auc: 0.55}, tolerance: 0.02}
"""


def land_slice(data_root: Path, month: int) -> Path:
    """Write a month of two carriers' flights where `flight_spec` looks for them."""
    rows = month_of_flights(month)
    path = data_root / "flights" / f"2013-{month:02}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows[rows["carrier"].isin(["B6", "US"])].to_parquet(path, index=False)
    return path


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data root with January and February."""
    data_root = tmp_path_factory.mktemp("data")
    for month in (1, 2):
        land_slice(data_root, month)
    return data_root


@pytest.fixture(scope="session")
def flight_spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the spec's YAML file."""
    path = tmp_path_factory.mktemp("models") / "flight_delay.yaml"
    path.write_text(SPEC)
    return path
