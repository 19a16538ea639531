"""Peak memory of an ingest of 20 million rows, over that of 2 million.

    .venv/bin/python -m bench.ingest_memory

Prints the ratio of the medians. Each ingest runs in a process of its own, whose peak resident set (VmHWM of
/proc/self/status, including interpreter, libraries and memory retained by pyarrow's allocator) is read at its end.
The source is 10 columns of Parquet in files of half a million rows; it needs 2 GB of disk temporarily.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

LIMIT = 1.3
SMALL, LARGE = 2_000_000, 20_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    peaks = {rows: _peak_mb(rows, rounds) for rows in (SMALL, LARGE)}
    ratio = peaks[LARGE] / peaks[SMALL]
    print(f"ratio {ratio:.2f} (at most {LIMIT})")
    sys.exit(ratio > LIMIT)


def _peak_mb(rows: int, rounds: int) -> float:
    with tempfile.TemporaryDirectory(prefix="perennial-ingest-") as folder:
        since = _in_process(
            f"from bench.ingest_source import *; print(write_source(Path({folder!r}) / 'source', {rows}))"
        )
        peaks = [
            float(_in_process(f"from bench.ingest_memory import *; ingest_once({folder!r}, {since!r})"))
            for _ in range(rounds)
        ]
    print(
        f"{rows / 1e6:g} M rows: {statistics.median(peaks):.0f} MB ({', '.join(f'{peak:.0f}' for peak in peaks)})",
        flush=True,
    )
    return statistics.median(peaks)


def _in_process(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def ingest_once(folder: str, since: str) -> None:
    """Ingest, and print the process's peak memory in MB; to be run in a process of its own."""
    from bench.ingest_source import run_over
    from perennial.data.ingest import ingest

    shutil.rmtree(Path(folder) / "store", ignore_errors=True)
    ingest(run_over(Path(folder), datetime.fromisoformat(since)))
    peak_kb = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak_kb
    print(int(peak_kb[1]) / 1024)


if __name__ == "__main__":
    main()
