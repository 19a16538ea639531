"""The folder of kept features: what is found, what makes room, and what happens to a file or a disk that fails."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from perennial.training.features.feature_cache import FeatureCache

ARRAYS = {"values": np.arange(12.0).reshape(3, 4), "numbers": np.asfortranarray(np.ones((2, 3), dtype=np.int32))}
WRITER = """
import sys
import numpy as np
from pathlib import Path
from perennial.training.features.feature_cache import FeatureCache

cache = FeatureCache(Path(sys.argv[1]), most_bytes=400_000)
for number in range(int(sys.argv[2])):
    name = f"{number % 7}"
    found = cache.find(name)
    assert found is None or (found["values"] == number % 7).all()
    cache.keep(name, {"values": np.full(10_000, number % 7.0)})
print("done")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "late"


def keep(folder: Path, name: str, *, most_bytes: int = 10**6) -> FeatureCache:
    cache = FeatureCache(folder, most_bytes=most_bytes)
    cache.keep(name, ARRAYS)
    return cache


def test_what_is_kept_is_found_by_another_process_with_its_types_and_layout(folder):
    keep(folder, "a")
    found = FeatureCache(folder, most_bytes=1).find("a")
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert (found[name].dtype, found[name].flags.f_contiguous) == (array.dtype, array.flags.f_contiguous)
    assert FeatureCache(folder, most_bytes=1).find("b") is None


@pytest.mark.parametrize("change", ["torn", "empty", "one bit", "another name"])
def test_a_file_that_is_not_what_was_written_is_not_found_and_written_again(folder, change, caplog):
    cache = keep(folder, "a")
    path = folder / "a"
    content = bytearray(path.read_bytes())
    if change == "another name":
        shutil.copy(path, folder / "b")
        path = folder / "b"
    elif change == "one bit":
        content[-200] ^= 1
        path.write_bytes(content)
    else:
        path.write_bytes(content[: len(content) // 2 if change == "torn" else 0])
    assert cache.find(path.name) is None
    assert "was damaged or changed" in caplog.text
    cache.keep(path.name, ARRAYS)
    assert cache.find(path.name) is not None


def test_a_file_with_objects_is_neither_written_nor_read(folder):
    with pytest.raises(ValueError, match="allow_pickle"):
        FeatureCache(folder, most_bytes=10**6).keep("a", {"values": np.array([{}], dtype=object)})
    assert list(folder.iterdir()) == []


def test_what_was_not_used_for_longest_makes_room(folder):
    cache = keep(folder, "a")
    size = (folder / "a").stat().st_size
    most_bytes = size * 3 + 2_000
    for number, name in enumerate(("b", "c"), start=2):
        keep(folder, name, most_bytes=most_bytes)
        os.utime(folder / name, ns=(number, number))
    os.utime(folder / "a", ns=(1, 1))
    cache.find("a")
    keep(folder, "d", most_bytes=most_bytes)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c", "d"]
    assert sum(path.stat().st_size for path in folder.iterdir()) <= most_bytes


def test_what_is_larger_than_the_whole_folder_may_be_removes_nothing(folder):
    keep(folder, "a")
    keep(folder, "b", most_bytes=100)
    assert [path.name for path in folder.iterdir()] == ["a"]


def test_a_folder_that_cannot_be_written_is_a_warning_and_said_once(tmp_path, caplog):
    (tmp_path / "late").write_text("a file where the folder should be")
    cache = keep(tmp_path / "late", "a")
    cache.keep("b", ARRAYS)
    assert cache.find("a") is None
    assert [
        record.getMessage() for record in caplog.records if "training goes on without it" in record.getMessage()
    ] == [
        f"the cache of features in {tmp_path / 'late'} cannot be used ([Errno 17] File exists: '{tmp_path / 'late'}'): "
        "training goes on without it"
    ]


def test_a_disk_that_takes_no_more_is_a_warning_and_leaves_nothing_half_there(folder, caplog):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    try:
        cache = keep(folder, "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "training goes on without it" in caplog.text
    assert list(folder.iterdir()) == []
    assert cache.find("a") is None


def test_processes_that_share_a_folder_and_one_that_is_killed_never_give_a_wrong_array(folder):
    def start(rounds: int) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(rounds)], stdout=-1, text=True)

    killed, *others = start(10**9), start(150), start(150)
    try:
        deadline = time.monotonic() + 60
        while not (folder.is_dir() and any(folder.iterdir())) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
    finally:
        killed.kill()
        killed.wait()
    assert [other.communicate(timeout=90)[0] for other in others] == ["done\n"] * 2
    cache = FeatureCache(folder, most_bytes=400_000)
    # What the killed process left counts, and goes like the rest.
    for number in range(7, 12):
        cache.keep(str(number), {"values": np.full(10_000, float(number))})
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 400_000
    for name in map(str, range(12)):
        found = cache.find(name)
        assert found is None or (found["values"] == float(name)).all()
