"""Runs a package in a clean process, by its path: it may import the standard library and what the package needs, only.

Input are JSON lines, each with up to 1,000 rows as column -> values; output are JSON lines with the answers to each, and
a last one with the measurements. Rows are read one line at a time, so that the process's memory is that of predicting.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

Columns = dict[str, list[Any]]
Call = Callable[[Any], Any]

ROWS_A_CALL = 1000
_MOST_SECONDS = 2.0
_CALLS = {1: (20, 200), ROWS_A_CALL: (5, 30)}
"""Rows in a call -> fewest and most calls whose time is taken; no more are begun after 2 seconds."""


def latency_ms(call: Call, given: Sequence[Any], rows: int) -> dict[str, float]:
    """Return the percentiles of the milliseconds of calls, each with one of what is given, in turn.

    Parameters
    ----------
    call : callable
    given : sequence
        What to call it with, each of the same number of rows; not empty.
    rows : {1, 1000}
        That number, which decides how many calls there are.

    Returns
    -------
    dict
        `p50`, `p95`, `p99` (the smallest time that so many of 100 calls do not exceed), `calls` and `rows`.
    """
    fewest, most = _CALLS[rows]
    call(given[0])
    times: list[float] = []
    end = time.perf_counter() + _MOST_SECONDS
    while len(times) < fewest or (len(times) < most and time.perf_counter() < end):
        started = time.perf_counter()
        call(given[len(times) % len(given)])
        times.append(1000 * (time.perf_counter() - started))
    times.sort()
    found = {f"p{share}": times[min(len(times) - 1, -(-share * len(times) // 100) - 1)] for share in (50, 95, 99)}
    return {**found, "calls": len(times), "rows": rows}


def peak_memory_mb(process: int | str = "self") -> float:
    """Return the most memory that a process has had since it began its program, in MiB.

    Not by getrusage: on Linux that also counts the process that started it.
    """
    status = Path(f"/proc/{process}/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return float(lines["VmHWM"].split()[0]) / 1024
    if process != "self":
        import psutil

        return float(psutil.Process(int(process)).memory_info().rss) / 2**20
    import resource

    # In bytes on macOS, the one other system without /proc on which this runs.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def sliced(columns: Columns, rows: int) -> Columns:
    """Return the first rows of columns."""
    return {name: values[:rows] for name, values in columns.items()}


def _lines(path: Path) -> Iterator[Columns]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _wheel(module: str) -> tuple[Call, Call, Call]:
    """Return how rows are given to a wheel, how it predicts, and how its answers become columns."""
    import importlib

    import pandas as pd

    package = importlib.import_module(module)
    package.model()
    return pd.DataFrame, package.predict, lambda answers: answers.to_dict(orient="list")


def _onnx(path: str) -> tuple[Call, Call, Call]:
    """Return the same for an ONNX file, as its own metadata describe it."""
    import numpy as np
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map
    labels = json.loads(said["classes"])
    kinds = {one.name: one.type for one in session.get_inputs()}
    place = json.loads(said["inputs"])

    def tensors(columns: Columns) -> dict[str, Any]:
        made = {}
        for column, name in place.items():
            text = kinds[name] == "tensor(string)"
            values = ["" if value is None or value != value else value for value in columns[column]] if text else None
            made[name] = np.array(values or columns[column], dtype=object if text else np.float64).reshape(-1, 1)
        return made

    def answers(results: list[Any]) -> Columns:
        if not labels:
            return {"prediction": results[0].ravel().tolist()}
        found = {f"probability_{label}": results[1][:, place].tolist() for place, label in enumerate(labels)}
        return {"prediction": results[0].ravel().tolist(), **found}

    return tensors, lambda given: session.run(None, given), answers


def main(kind: str, package: str, rows: str, answers: str) -> None:
    """Rehearse a package: `wheel` and its module, or `onnx` and its file."""
    began = time.perf_counter()
    given, predict, columns_of = {"wheel": _wheel, "onnx": _onnx}[kind](package)
    loaded_s = time.perf_counter() - began
    first: Columns = {}
    with Path(answers).open("w", encoding="utf-8") as file:
        for columns in _lines(Path(rows)):
            first = first or columns
            file.write(json.dumps(columns_of(predict(given(columns))), default=lambda number: number.item()) + "\n")
        singles = [
            {name: [values[row]] for name, values in first.items()} for row in range(len(next(iter(first.values()))))
        ]
        measured = {
            "load_s": loaded_s,
            "one": latency_ms(predict, [given(columns) for columns in singles], 1),
            "thousand": latency_ms(predict, [given(first)], ROWS_A_CALL),
            "memory_mb": peak_memory_mb(),
        }
        file.write(json.dumps(measured) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
