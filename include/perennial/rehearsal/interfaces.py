"""Runs each kind of package as its users do: a wheel by `predict`, an ONNX file by onnxruntime, a container over HTTP."""

from __future__ import annotations

import http.client
import json
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from perennial.errors import PackageError
from perennial.packages.container import image_module
from perennial.rehearsal import driver
from perennial.rehearsal.clean_room import CleanRoom, last_words
from perennial.rehearsal.driver import ROWS_A_CALL, latency_ms, peak_memory_mb
from perennial.rehearsal.holdout import columns_of, read_answers, write_rows
from perennial.spec.packages import PackageKind

Found = tuple[pd.DataFrame, dict[str, Any]]
_START_S = 120


def run_package(kind: PackageKind, file: Path, rows: pd.DataFrame, scratch: Path) -> Found:
    """Give all rows to a package in a clean process, and take its measurements.

    Parameters
    ----------
    kind : PackageKind
    file : Path
    rows : DataFrame of shape (n, columns)
        The model's inputs; n is at least 1.
    scratch : Path
        An empty folder.

    Returns
    -------
    DataFrame of shape (n, columns)
        The answers; see `perennial.packages.runtime.answers`.
    dict
        `load_s`, `one` and `thousand` (see `latency_ms`), `memory_mb`.

    Raises
    ------
    PackageError
        It cannot be run, or fails.
    """
    site = scratch / "site"
    site.mkdir()
    room = CleanRoom(site)
    if kind == "container":
        return _over_http(room, file, rows, scratch)
    if kind == "wheel":
        room.install(file)
        return _by_driver(room, kind, file.name.partition("-")[0], rows, scratch)
    room.link(["onnxruntime", "numpy"])
    return _by_driver(room, kind, str(file), rows, scratch)


def _by_driver(room: CleanRoom, kind: PackageKind, package: str, rows: pd.DataFrame, scratch: Path) -> Found:
    given, answers = scratch / "rows.jsonl", scratch / "answers.jsonl"
    write_rows(rows, given)
    room.run_file(Path(driver.__file__), kind, package, str(given), str(answers))
    return read_answers(answers)


def _over_http(room: CleanRoom, file: Path, rows: pd.DataFrame, scratch: Path) -> Found:
    """Run the server of a container's context: its wheel, and the command of its Dockerfile, on a free port."""
    context = scratch / "context"
    with tarfile.open(file) as archive:
        archive.extractall(context, filter="data")
    (wheel,) = context.glob("*.whl")
    room.install(wheel)
    began = time.perf_counter()
    with _server(room, image_module(context / "Dockerfile")) as (server, port):
        loaded_s = time.perf_counter() - began
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_S)
        bodies = [_body(columns) for columns in columns_of(rows)]
        answers = [row for body in bodies for row in _post(connection, body)]
        first = next(columns_of(rows.head(ROWS_A_CALL)))
        singles = [_body({name: [values[row]] for name, values in first.items()}) for row in range(len(rows.head(200)))]

        def call(body: bytes) -> list[dict[str, Any]]:
            return _post(connection, body)

        measured = {
            "load_s": loaded_s,
            "one": latency_ms(call, singles, 1),
            "thousand": latency_ms(call, bodies[:1], ROWS_A_CALL),
            "memory_mb": peak_memory_mb(server.pid),
        }
        connection.close()
    return pd.DataFrame(answers), measured


@contextmanager
def _server(room: CleanRoom, module: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    server = room.start_module(module, "serve", "--host", "127.0.0.1", "--port", "0")
    try:
        assert server.stdout is not None and server.stderr is not None  # noqa: S101, PT018 - both are pipes
        line = server.stdout.readline()
        if not line:
            said = server.stderr.read()
            raise PackageError(f"its server does not start: {last_words(said, server.wait())}")
        port = int(line.rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_S)
        connection.request("GET", "/health")
        if connection.getresponse().status != http.HTTPStatus.OK:
            raise PackageError("its health check fails")
        connection.close()
        yield server, port
    except (OSError, http.client.HTTPException) as error:
        raise PackageError(f"its server does not answer: {type(error).__name__}: {error}") from error
    finally:
        server.kill()
        server.communicate()


def _body(columns: driver.Columns) -> bytes:
    names = list(columns)
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return json.dumps({"rows": rows}).encode()


def _post(connection: http.client.HTTPConnection, body: bytes) -> list[dict[str, Any]]:
    connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    if answer.status != http.HTTPStatus.OK:
        raise PackageError(f"its server answers {answer.status}: {content.get('error', content)}")
    return list(content["answers"])
