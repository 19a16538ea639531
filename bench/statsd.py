"""Record what Airflow sends over StatsD, with the time of arrival."""

from __future__ import annotations

import socket
import threading
import time


class Metrics:
    """A StatsD server that records all timers.

    Parameters
    ----------
    listener : socket
        Bound datagram socket. Listening ends when it is closed.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        self._timers: list[tuple[float, str, float]] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def values(self, name: str, *, since: float = 0, until: float | None = None) -> list[float]:
        """Return the values of a timer between two times.

        Parameters
        ----------
        name : str
            Name with tags, as in InfluxDB: `dag_processing.last_duration,file_name=retraining`.
        """
        end = time.time() if until is None else until
        return [value for moment, found, value in self._timers if found == name and since <= moment < end]

    def names(self) -> set[str]:
        """Return the names of all timers that were received."""
        return {name for _, name, _ in self._timers}

    def _listen(self) -> None:
        while True:
            try:
                lines = self._listener.recv(65536).decode().splitlines()
            except OSError:  # closed
                return
            for line in lines:
                name, _, rest = line.partition(":")
                value, kind, *_ = rest.split("|")
                if kind == "ms":
                    self._timers.append((time.time(), name, float(value)))
