"""Check a deployment's stores, MLflow, clocks and version before a process starts; exit with 1 if something is wrong.

Run `python -m perennial_airflow.startup.preflight` before an Airflow process, and `... record` when the deployment is
set up or upgraded.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from perennial.places import variable
from perennial.preflight import (
    check_clock_of,
    check_sorting,
    check_store,
    check_tracking,
    check_version,
    record_version,
    run_checks,
)

if TYPE_CHECKING:
    from perennial.store.protocol import Store

SECONDS = 60.0


def main(arguments: list[str] | None = None) -> int:
    """Run the checks and print what they find; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m perennial_airflow.startup.preflight", description=__doc__)
    parser.add_argument("record", nargs="?", choices=["record"], help="record this version as the deployment's")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long to wait for servers (%(default)s)")
    options = parser.parse_args(arguments)
    faults = run_checks(_surroundings(), seconds=options.seconds, say=_say)
    if not faults:
        # Versions are compared only after all other checks have passed, and recorded only then.
        version = _record if options.record else _compare
        faults = run_checks(_of_every_store("version", version), seconds=options.seconds, say=_say)
    if faults:
        _say(f"not started: {', '.join(faults)}. docs/operations.md says what to do")
        return 1
    return 0


def regions(environment: Mapping[str, str]) -> tuple[str | None, ...]:
    """Return the regions that have a store of their own, as in the names of their variables; None: the default store.

    A worker of a region has only the store of its region, and not the default one.
    """
    named = [name.removeprefix("PERENNIAL_STORE_") for name in environment if name.startswith("PERENNIAL_STORE_")]
    others = [None] if "PERENNIAL_STORE" in environment or not named else []
    return (*others, *sorted(name.lower().replace("_", "-") for name in named))


def _surroundings() -> dict[str, Callable[[], str]]:
    _import_clients()
    return {
        **_of_every_store("store", check_store),
        **{_named("MLflow", region): partial(_tracking, region) for region in regions(os.environ)},
        "API server": _api_server,
        "processor": check_sorting,
    }


def _import_clients() -> None:
    """Import the clients in one thread: Airflow's modules have circular imports, which fail in parallel threads.

    It takes seconds on a busy machine, which must not count as waiting for a server.
    """
    import perennial_airflow.hooks.tracking  # noqa: F401


def _of_every_store(name: str, check: Callable[[Store], str]) -> dict[str, Callable[[], str]]:
    return {_named(name, region): partial(_with_store, region, check) for region in regions(os.environ)}


def _with_store(region: str | None, check: Callable[[Store], str]) -> str:
    from perennial.store import open_store
    from perennial_airflow.hooks.s3 import s3_client

    uri = os.environ.get(variable("PERENNIAL_STORE", region), ".perennial/store")
    return check(open_store(uri, s3=s3_client(region) if uri.startswith("s3://") else None))


def _tracking(region: str | None) -> str:
    from perennial_airflow.hooks.tracking import TrackingHook

    return check_tracking(TrackingHook(region).connect().uri)


def _api_server() -> str:
    """Only compare clocks: workers wait for the API server by themselves, and this process may be the API server."""
    from airflow.configuration import conf

    address = urlsplit(conf.get("core", "execution_api_server_url", fallback="") or "")
    if not address.netloc:
        return "its address is not set, so its clock is not compared"
    return check_clock_of(f"{address.scheme}://{address.netloc}/api/v2/monitor/health")


def _compare(store: Store) -> str:
    from perennial.models.environment import code_version

    return check_version(store, code_version())


def _record(store: Store) -> str:
    from perennial.models.environment import code_version

    return record_version(store, code_version())


def _named(name: str, region: str | None) -> str:
    return f"{name} of {region}" if region else name


def _say(line: str) -> None:
    print(f"preflight: {line}", flush=True)


if __name__ == "__main__":
    # Airflow, boto3 and MLflow log their own retries, which adds nothing to the faults that are printed.
    logging.disable(logging.WARNING)
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
    sys.exit(main())
