"""Libraries are loaded where tasks are forked and before triggers run, and in no other Airflow process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perennial_airflow.startup import preload

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    ("command", "executor", "modules"),
    [
        ("scheduler", "LocalExecutor", preload.modules_of_tasks()),
        ("scheduler --num-runs 1", "CeleryExecutor,LocalExecutor", preload.modules_of_tasks()),
        ("--verbose scheduler", "airflow.executors.local_executor.LocalExecutor", preload.modules_of_tasks()),
        ("celery worker -q default", "CeleryExecutor", preload.modules_of_tasks()),
        ("scheduler", "CeleryExecutor", ()),
        ("celery flower", "CeleryExecutor", ()),
        ("api-server", "LocalExecutor", ()),
        ("dag-processor", "LocalExecutor", ()),
        ("triggerer", "LocalExecutor", preload.WAITING),
        ("standalone", "LocalExecutor", ()),
        ("tasks run scheduler", "LocalExecutor", ()),
        ("", "LocalExecutor", ()),
    ],
)
def test_each_process_preloads_what_it_needs(
    command: str, executor: str, modules: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert preload.modules_for(command.split(), executor) == modules


def test_nothing_is_preloaded_where_tasks_are_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not preload.modules_for(["scheduler"], "LocalExecutor")


@pytest.mark.parametrize(("command", "loaded"), [("scheduler", True), ("dag-processor", False), ("api-server", False)])
def test_airflow_itself_reads_the_settings(airflow_home: Path, command: str, loaded: bool) -> None:
    code = f"""
import sys
sys.argv = ["airflow", {command!r}]
import airflow.settings
names = {sorted(preload.modules_of_tasks())!r} + ["pandas", "sklearn", "mlflow", "great_expectations"]
print("missing:", [name for name in names if name not in sys.modules])
print("there:", [name for name in names if name in sys.modules])
"""
    started = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ, timeout=120
    )

    assert ("missing: []" if loaded else "there: []") in started.stdout, started.stderr


def test_a_library_that_cannot_be_imported_does_not_stop_the_process(caplog: pytest.LogCaptureFixture) -> None:
    preload.import_all(("perennial.no_such_stage", "perennial.stages"))

    assert "Could not preload perennial.no_such_stage" in caplog.text


def test_what_tasks_share_is_left_to_the_collector_no_more() -> None:
    code = """
import gc
from perennial_airflow.startup import preload
preload.import_all(())
assert gc.get_freeze_count() == 0
preload.import_all(("json",))
assert gc.get_freeze_count() > 1000
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ, timeout=60)


def test_what_a_workers_pool_shares_is_frozen_whenever_celery_collects_before_it_forks() -> None:
    code = """
import gc
from celery.signals import worker_before_create_process, worker_ready
from perennial_airflow.startup import preload
preload.freeze_in_pool()
import airflow.providers.celery.executors.celery_executor_utils
preload.import_all(("json",))
worker_ready.send(sender=None)
assert gc.get_freeze_count() == 0, "Airflow thaws no more: this is not needed"
worker_before_create_process.send(sender=None)
frozen = gc.get_freeze_count()
assert frozen > 1000
since = [[] for _ in range(1000)]
worker_before_create_process.send(sender=None)
assert gc.get_freeze_count() <= frozen, "what came since, garbage among it, would stay for ever"
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ, timeout=120)
