"""What a worker calls itself: Airflow asks for its host's name, and here all workers are on one machine."""

from __future__ import annotations

import os
import socket


def worker_name() -> str:
    """Return the worker's name, or that of the machine in other processes."""
    return os.environ.get("WORKER_NAME") or socket.gethostname()
