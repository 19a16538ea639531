"""The time that explanations may take."""

from __future__ import annotations

import time


class Deadline:
    """Tells whether the time is over. What has begun is ended, so it may be exceeded by one step.

    Parameters
    ----------
    seconds : float
        From now on.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._end
