"""The stages' libraries are loaded where tasks are forked, and in no other Airflow process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perennial_airflow import preload

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    ("command", "executor", "forks"),
    [
        ("scheduler", "LocalExecutor", True),
        ("scheduler --num-runs 1", "CeleryExecutor,LocalExecutor", True),
        ("--verbose scheduler", "airflow.executors.local_executor.LocalExecutor", True),
        ("celery worker -q default", "CeleryExecutor", True),
        ("scheduler", "CeleryExecutor", False),
        ("celery flower", "CeleryExecutor", False),
        ("api-server", "LocalExecutor", False),
        ("dag-processor", "LocalExecutor", False),
        ("triggerer", "LocalExecutor", False),
        ("standalone", "LocalExecutor", False),
        ("tasks run scheduler", "LocalExecutor", False),
        ("", "LocalExecutor", False),
    ],
)
def test_only_processes_that_fork_tasks_preload(
    command: str, executor: str, forks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert preload.forks_tasks(command.split(), executor) is forks


def test_nothing_is_preloaded_where_tasks_are_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not preload.forks_tasks(["scheduler"], "LocalExecutor")


@pytest.mark.parametrize(("command", "loaded"), [("scheduler", True), ("dag-processor", False), ("api-server", False)])
def test_airflow_itself_reads_the_settings(airflow_home: Path, command: str, loaded: bool) -> None:
    code = f"""
import sys
sys.argv = ["airflow", {command!r}]
import airflow.settings
names = {sorted(preload.STAGES)!r} + ["pandas", "sklearn", "mlflow", "great_expectations"]
print("missing:", [name for name in names if name not in sys.modules])
print("there:", [name for name in names if name in sys.modules])
"""
    started = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ, timeout=120
    )

    assert ("missing: []" if loaded else "there: []") in started.stdout, started.stderr


def test_a_library_that_cannot_be_imported_does_not_stop_the_scheduler(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(preload, "STAGES", ("perennial.no_such_stage", "perennial.stages"))

    preload.import_stages()

    assert "Could not preload perennial.no_such_stage" in caplog.text
