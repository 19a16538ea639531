"""The quiet replay: a model whose rows differ only by chance, watched with the same settings as the other model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from demo.flights import month_of_flights, write
from demo.periods import BATCH_DAYS, ZONE, Period, batches

MONTH = 1
FLIGHTS_A_DAY = 930
"""As in the year's replay."""
SEED = 2013
BATCHES = batches(days=2 * BATCH_DAYS)[:4]
"""As many rows as eight batches of the year, in half as many checks: a test of more rows finds smaller differences."""
MODEL = "flight_delay_quiet"
FOLDER = "flights_quiet"
DAG_FILES = ("retraining.py", "drift_monitoring.py")


def resampled(period: Period, seed: int = SEED) -> pd.DataFrame:
    """Return flights of January, drawn with replacement, as if they left in the period.

    Each day has the same number of flights, each drawn from the whole month, so that any two periods differ only by
    chance. All values of a flight are kept, even the day of the week, except date and flight number, so that repeated
    draws differ.
    """
    month = month_of_flights(MONTH)
    days = [day.isoformat() for day in period.days]
    random = np.random.default_rng([seed, period.start.toordinal()])
    rows = month.iloc[random.integers(len(month), size=FLIGHTS_A_DAY * len(days))].reset_index(drop=True)
    local = rows["event_time"].dt.tz_convert(ZONE)
    date = pd.Series(np.repeat(days, FLIGHTS_A_DAY), dtype="str")
    moment = pd.to_datetime(date + local.dt.strftime(" %H:%M")).dt.tz_localize(ZONE).dt.tz_convert("UTC")
    rows = rows.assign(
        event_time=moment.dt.as_unit("us"), flight_date=date, flight=pd.Series(range(len(rows)), dtype="str")
    )
    return rows.sort_values(["event_time", "flight"], ignore_index=True)


def land_resampled(period: Period, data_root: Path) -> Path:
    """Write a period to `flights_quiet/2013-MM-DD.parquet` below the data root."""
    return write(resampled(period), data_root / FOLDER / f"{period.start}.parquet")


def lay_out_dags(folder: Path, dags: Path, spec: Path) -> None:
    """Make a folder of DAG files with one spec: the demo's, with another name and source.

    It is separate from `dags/models`, which contains people's own specs. The DAG files are links to those in `dags`.
    """
    (folder / "models").mkdir(parents=True)
    for name in DAG_FILES:
        (folder / name).symlink_to(dags / name)
    content: dict[str, Any] = yaml.safe_load(spec.read_text())
    content["name"] = MODEL
    content["description"] = "Flights of January drawn with replacement: nothing drifts, and nothing may be retrained."
    content["source"]["uri"] = f"{FOLDER}/"
    content["tags"] = [*content["tags"], "quiet"]
    # Nobody predicts with it.
    for name in ("schedule", "packages", "rehearsal"):
        del content[name]
    (folder / "models" / f"{MODEL}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
