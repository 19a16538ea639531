from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from perennial.layout import VERSION
from perennial.preflight import Fault, check_version, difference, record_version
from perennial.preflight.version import read_versions
from perennial.store import LocalStore


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path)


def test_where_nobody_recorded_a_version_all_pass(store):
    assert "none is recorded" in check_version(store, "1.0")
    assert difference(store, "1.0") == ""


def test_the_recorded_version_passes_and_is_recorded_once(store):
    record_version(store, "1.0")
    assert record_version(store, "1.0") == "1.0 is the recorded version"
    assert check_version(store, "1.0") == "1.0, as recorded"
    assert read_versions(store)[0].builds == ("1.0",)


def test_an_older_image_is_refused(store):
    record_version(store, "0.1.0+gffff")
    record_version(store, "0.1.0+g0000")
    with pytest.raises(
        Fault, match=r"has Perennial 0.1.0\+gffff, and the deployment has been upgraded to 0.1.0\+g0000: .*older image"
    ):
        check_version(store, "0.1.0+gffff")


def test_a_newer_image_has_to_be_set_up_first(store):
    record_version(store, "1.0")
    with pytest.raises(Fault, match=r"run airflow-init .* from this image first"):
        check_version(store, "1.1")
    record_version(store, "1.1")
    assert check_version(store, "1.1") == "1.1, as recorded"


def test_going_back_on_purpose_is_recorded_too(store):
    for build in ("1.0", "1.1", "1.0"):
        record_version(store, build)
    assert check_version(store, "1.0") == "1.0, as recorded"
    with pytest.raises(Fault, match="older image"):
        check_version(store, "1.1")


def test_a_task_says_that_its_worker_differs(store):
    record_version(store, "1.1")
    assert difference(store, "1.1") == ""
    assert "this worker has Perennial 1.0, and the deployment 1.1" in difference(store, "1.0")


def test_of_several_that_record_at_once_none_is_lost(store):
    builds = [f"1.{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda build: record_version(store, build), builds))
    assert sorted(read_versions(store)[0].builds) == builds


def test_a_damaged_record_is_said(store):
    store.write(VERSION.key(), b"{")
    with pytest.raises(Fault, match=r"version\.json is damaged: .*Delete it and run"):
        check_version(store, "1.0")
