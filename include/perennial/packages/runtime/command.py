"""The command line of a wheel."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from perennial.packages.runtime.packaged import Packaged
from perennial.packages.runtime.rows import rows_of_file
from perennial.packages.runtime.server import serve


def main(model: Packaged, name: str, arguments: Sequence[str] | None = None) -> int:
    """Predict for the rows of a file, or serve over HTTP; return the exit code.

    Parameters
    ----------
    model : Packaged
    name : str
        Name of the wheel's module.
    arguments : sequence of str, optional
        Default: those of the process.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=f"The model {name}.")
    commands = parser.add_subparsers(dest="command", required=True)
    predict = commands.add_parser("predict", help="predict for the rows of a file")
    predict.add_argument("rows", type=Path, help=".csv with a header, or .parquet")
    predict.add_argument("-o", "--output", type=Path, help=".csv or .parquet; default: CSV to standard output")
    serving = commands.add_parser("serve", help="answer POST /predict and GET /health")
    serving.add_argument("--host", default="127.0.0.1")
    serving.add_argument("--port", type=int, default=8000)
    given = parser.parse_args(arguments)
    if given.command == "serve":
        serve(model, given.host, given.port)
        return 0
    try:
        _write(model.predict(rows_of_file(given.rows, model.inputs)), given.output)
    except (ValueError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    return 0


def _write(answers: pd.DataFrame, output: Path | None) -> None:
    if output is not None and output.suffix == ".parquet":
        answers.to_parquet(output, index=False)
    else:
        answers.to_csv(output or sys.stdout, index=False)
