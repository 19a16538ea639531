"""Run preflight checks in parallel, and repeat them while servers may still be starting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from perennial.errors import PerennialError

Check = Callable[[], str]
"""Returns the finding in words, or raises PerennialError."""

_PAUSE = 2.0
_GRACE = 10.0


def run_checks(checks: Mapping[str, Check], *, seconds: float, say: Callable[[str], None]) -> tuple[str, ...]:
    """Run all checks; those that fail with NotReady are tried again.

    Parameters
    ----------
    checks : mapping of str to callable
        Name in messages -> check.
    seconds : float
        How long to try, in seconds. The function returns at most about 10 seconds later, even if a check hangs.
    say : callable
        Is called with each line of progress.

    Returns
    -------
    tuple of str
        Names of the checks that found a fault.
    """
    deadline = time.monotonic() + seconds
    passed: dict[str, bool] = {}
    threads = {
        name: threading.Thread(target=_run, args=(name, check, deadline, say, passed), daemon=True)
        for name, check in checks.items()
    }
    for thread in threads.values():
        thread.start()
    for name, thread in threads.items():
        thread.join(max(0.0, deadline + _GRACE - time.monotonic()))
        if thread.is_alive():
            say(
                f"{name}: fault: no answer within {seconds:.0f} seconds: is its address right, and no firewall between?"
            )
    return tuple(name for name in checks if not passed.get(name))


def _run(name: str, check: Check, deadline: float, say: Callable[[str], None], passed: dict[str, bool]) -> None:
    told = ""
    while True:
        try:
            say(f"{name}: {check()}")
        except PerennialError as error:
            left = deadline - time.monotonic()
            if not error.retryable or left <= 0:
                say(f"{name}: fault: {error}")
                return
            if str(error) != told:
                told = str(error)
                say(f"{name}: not ready, tried again for {left:.0f} seconds: {told}")
            time.sleep(min(_PAUSE, left))
        else:
            passed[name] = True
            return
