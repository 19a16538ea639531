"""The file of a chart's reference: an .npz of plain arrays with a JSON header, without pickle."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perennial.drift.charts.beside import Beside
from perennial.drift.charts.control_chart import ControlChart
from perennial.drift.charts.pieces import ChartColumn
from perennial.drift.charts.profile import Grid
from perennial.errors import DataError

_VERSION = 1


def save_chart(path: Path, chart: ControlChart) -> None:
    """Write a chart's reference, at most some hundred kilobytes for each column."""
    header = {"version": _VERSION, "columns": list(chart.columns), "beside": chart.beside is not None}
    arrays: dict[str, npt.NDArray[Any]] = {"header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)}
    for number, column in enumerate(chart.columns.values()):
        arrays |= {
            f"{number}.places": column.grid.places,
            f"{number}.counts": column.counts.astype(np.int32),
            f"{number}.rows": column.rows,
            f"{number}.missing": column.missing,
        }
        if chart.beside is not None:
            arrays[f"{number}.quantiles"] = chart.beside.quantiles[column.name]
    if chart.beside is not None:
        arrays["coefficients"] = chart.beside.coefficients
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_chart(path: Path) -> ControlChart:
    """Read what `save_chart` wrote.

    Raises
    ------
    DataError
        The file is not a chart's reference, or is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            header = json.loads(arrays["header"].tobytes())
            if header["version"] != _VERSION:
                raise ValueError(f"it has version {header['version']}, and {_VERSION} is needed")
            names: list[str] = header["columns"]
            columns = [
                ChartColumn(
                    name,
                    Grid(arrays[f"{number}.places"]),
                    counts=arrays[f"{number}.counts"].astype(np.int64),
                    rows=arrays[f"{number}.rows"],
                    missing=arrays[f"{number}.missing"],
                )
                for number, name in enumerate(names)
            ]
            beside = None
            if header["beside"]:
                quantiles = {name: arrays[f"{number}.quantiles"] for number, name in enumerate(names)}
                beside = Beside(quantiles, arrays["coefficients"])
            return ControlChart(columns, beside)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise DataError(
            f"{path} is not a chart's reference, or is damaged ({error}). Prepare the reference again"
        ) from error
