"""A disk's failures as errors that a person can act on."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from perennial.errors import StoreError, StoreUnavailable
from perennial.store import disk_errors
from perennial.store.disk import make_folder


def test_a_full_disk_is_said_with_the_path_and_what_to_do() -> None:
    path = Path("/dev/full")
    with pytest.raises(StoreError, match=r"/dev/full: the disk is full: free space") as caught, disk_errors(path):
        path.write_bytes(b"x")
    assert not caught.value.retryable


def test_a_network_disk_that_is_away_is_worth_another_try(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as caught, disk_errors(tmp_path):
        raise OSError(errno.ESTALE, "Stale file handle")
    assert caught.value.retryable


def test_an_error_without_advice_keeps_the_systems_words(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"), disk_errors(tmp_path):
        (tmp_path / "missing").read_bytes()


def test_other_errors_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), disk_errors(tmp_path):
        raise ZeroDivisionError


def test_folders_are_made_down_to_the_last(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b" / "c")
    make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
