"""Files whose names hold a digest of their content."""

from __future__ import annotations

from pathlib import Path

import pytest

from perennial.store import Damaged, LocalStore
from perennial.store.content import content_file, content_name, names_content


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def put(store: LocalStore, folder: Path, content: bytes) -> str:
    path = folder / "rows.bin"
    path.write_bytes(content)
    key = f"m/{content_name(path, 'rows')}"
    store.put_file(key, path)
    return key


def test_a_file_is_given_as_it_was_put(store, tmp_path):
    key = put(store, tmp_path, b"rows" * 100)
    assert names_content(key)
    with content_file(store, key, "") as path:
        assert path.read_bytes() == b"rows" * 100


@pytest.mark.parametrize("changed", [b"", b"rows" * 99, b"rows" * 99 + b"rowr", b"rows" * 101])
def test_another_content_is_damage(store, tmp_path, changed):
    key = put(store, tmp_path, b"rows" * 100)
    store.write(key, changed)
    with (
        pytest.raises(Damaged, match=rf"{key} is damaged: its content is not what its name says\. Put it again"),
        content_file(store, key, "Put it again"),
    ):
        pass


def test_a_file_that_is_gone_and_one_without_a_digest_are_damage_too(store):
    with pytest.raises(Damaged, match="is gone"), content_file(store, "m/rows-0123456789abcdef.bin", ""):
        pass
    store.write("m/rows.bin", b"rows")
    assert not names_content("m/rows.bin")
    with pytest.raises(Damaged), content_file(store, "m/rows.bin", ""):
        pass
