"""CPU and memory of a Celery worker and its tasks, sent with its heartbeats, since Airflow has no such metrics."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import psutil
from airflow.sdk.observability import stats

SECONDS_BETWEEN = 15.0


def send_with_heartbeats() -> None:
    """Have this process, a Celery worker that is starting, send `perennial.worker.cpu_cores` and `.memory_bytes`."""
    from airflow.configuration import conf
    from airflow.sdk.observability.metrics import stats_utils
    from celery.signals import heartbeat_sent

    # Airflow initialises statistics in the processes of tasks, not in the worker that starts them.
    stats.initialize(
        factory=stats_utils.get_stats_factory(), export_legacy_names=conf.getboolean("metrics", "legacy_names_on")
    )
    usage = WorkerUsage()
    # Celery's signals keep weak references only.
    heartbeat_sent.connect(usage.on_heartbeat, weak=False)


class WorkerUsage:
    """Cores and memory of this process and all its descendants, as gauges tagged with the worker's name."""

    def __init__(self) -> None:
        self.worker = psutil.Process()
        self.measured_at = time.monotonic()
        self.cpu_seconds = sum(map(_cpu_seconds, self._processes()))

    def on_heartbeat(self, sender: Any, **_: Any) -> None:
        """Measure and send, but not with every heartbeat."""
        if time.monotonic() - self.measured_at >= SECONDS_BETWEEN:
            self.send(sender.eventer.hostname)

    def send(self, worker: str) -> None:
        """Measure cores and memory, and send them.

        Parameters
        ----------
        worker : str
            Celery's name of the worker, such as `celery@machine`; in metrics it is `celery/machine`.
        """
        processes = list(self._processes())
        now, cpu_seconds = time.monotonic(), sum(map(_cpu_seconds, processes))
        # The CPU time of a killed process is lost, so the sum may decrease.
        cores = max(0.0, cpu_seconds - self.cpu_seconds) / max(now - self.measured_at, 1e-3)
        self.measured_at, self.cpu_seconds = now, cpu_seconds
        tags = {"worker": re.sub(r"[^A-Za-z0-9_.-]", "/", worker)}
        stats.gauge("perennial.worker.cpu_cores", cores, tags=tags)
        stats.gauge("perennial.worker.memory_bytes", sum(map(_memory_bytes, processes)), tags=tags)

    def _processes(self) -> Iterator[psutil.Process]:
        yield self.worker
        yield from self.worker.children(recursive=True)


def _cpu_seconds(process: psutil.Process) -> float:
    """Return CPU seconds of a process and its ended children; 0 if it ended meanwhile."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _memory_bytes(process: psutil.Process) -> int:
    """Return a process's memory in bytes, with its proportional part of shared memory; 0 if it ended meanwhile."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0
