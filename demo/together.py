"""Do several things at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

Result = TypeVar("Result")


def together(*calls: Callable[[], Result]) -> list[Result]:
    """Make calls at the same time and return their results. If one fails, raise its error without waiting for the others."""
    pool = ThreadPoolExecutor(len(calls))
    running = [pool.submit(call) for call in calls]
    try:
        ended, _ = wait(running, return_when=FIRST_EXCEPTION)
    finally:
        # The other threads end when the caller stops the services.
        pool.shutdown(wait=False)
    failed = [future for future in ended if future.exception()]
    return [future.result() for future in failed or running]
