from __future__ import annotations

import logging

import pytest

from perennial.preflight import record_version
from perennial.spec import ModelSpec
from perennial.store import LocalStore
from perennial.training import provenance
from perennial_airflow import same_version
from perennial_airflow.deployment import deployment
from tests.watched_model import SPEC

pytestmark = pytest.mark.airflow


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("PERENNIAL_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PERENNIAL_CODE_VERSION", "1.0")
    monkeypatch.setattr(same_version, "_compared", set())
    provenance.code_version.cache_clear()
    yield LocalStore(tmp_path / "store")
    provenance.code_version.cache_clear()


def warnings_of_a_task(caplog) -> list[str]:
    with caplog.at_level(logging.WARNING, logger=same_version.__name__):
        deployment(ModelSpec.model_validate(SPEC))
    return [record.getMessage() for record in caplog.records if record.name == same_version.__name__]


def test_a_task_on_a_worker_of_another_version_says_so_once_per_process(store, caplog):
    record_version(store, "2.0")
    (said,) = warnings_of_a_task(caplog)
    assert said.startswith("this worker has Perennial 1.0, and the deployment 2.0")
    assert warnings_of_a_task(caplog) == [said]


def test_a_task_on_a_worker_of_the_deployments_version_says_nothing(store, caplog):
    record_version(store, "1.0")
    assert not warnings_of_a_task(caplog)


def test_a_damaged_record_stops_no_task(store, caplog):
    store.write(".perennial/version.json", b"{")
    assert not warnings_of_a_task(caplog)
