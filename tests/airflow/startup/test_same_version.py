from __future__ import annotations

import logging

import pytest

from perennial.models import environment
from perennial.preflight import record_version
from perennial.spec import ModelSpec
from perennial.store import LocalStore
from perennial_airflow.deployment import deployment
from perennial_airflow.startup import same_version
from tests.watched_model import SPEC

pytestmark = pytest.mark.airflow


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("PERENNIAL_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PERENNIAL_CODE_VERSION", "1.0")
    monkeypatch.setattr(same_version, "_compared", set())
    environment.code_version.cache_clear()
    yield LocalStore(tmp_path / "store")
    environment.code_version.cache_clear()


def lines_of_a_task() -> list[str]:
    lines: list[str] = []
    # pytest's caplog listens at the root, from where Airflow removes all listeners as it sets its logging up.
    listener = logging.Handler()
    listener.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    same_version.log.addHandler(listener)
    try:
        deployment(ModelSpec.model_validate(SPEC))
    finally:
        same_version.log.removeHandler(listener)
    return lines


def test_a_task_on_a_worker_of_another_version_says_so_once_per_process(store):
    record_version(store, "2.0")
    (said,) = lines_of_a_task()
    assert said.startswith("this worker has Perennial 1.0, and the deployment 2.0")
    assert not lines_of_a_task()


def test_a_task_on_a_worker_of_the_deployments_version_says_nothing(store):
    record_version(store, "1.0")
    assert not lines_of_a_task()


def test_a_damaged_record_stops_no_task(store):
    store.write(".perennial/version.json", b"{")
    assert not lines_of_a_task()
