"""What only a store in a folder can meet: links, full and read-only disks, other users' files, forks."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from perennial.errors import StoreError
from perennial.store import Conflict, LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def test_reading_makes_nothing(store: LocalStore) -> None:
    assert not store.exists("key")
    assert list(store.list()) == []
    assert not store.root.exists()


def test_the_root_stays_where_it_is_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = LocalStore("store")
    monkeypatch.chdir("/")
    store.write("key", b"x")
    assert (tmp_path / "store" / "key").read_bytes() == b"x"


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert LocalStore("~/store").root == tmp_path / "store"


def test_the_stores_own_folders_are_neither_listed_nor_written_to(store: LocalStore) -> None:
    with store.scratch() as folder:
        (folder / "file").write_bytes(b"x")
        store.write("key", b"x")
        assert [entry.key for entry in store.list()] == ["key"]
        assert list(store.list(".scratch/")) == []
        assert list(store.list(".l")) == []
    with pytest.raises(StoreError, match="its own folders"):
        store.write(".locks/00", b"x")
    store.write("model/.scratch/key", b"only at the root")
    assert [entry.key for entry in store.list("model/")] == ["model/.scratch/key"]


class TestLinks:
    def test_no_link_leads_out_of_the_root(self, store: LocalStore, tmp_path: Path) -> None:
        store.write("folder/key", b"x")
        (tmp_path / "secret").write_bytes(b"secret")
        (store.root / "folder" / "file").symlink_to(tmp_path / "secret")
        (store.root / "out").symlink_to(tmp_path)
        for key in ("folder/file", "out/secret", "out/new"):
            with pytest.raises(StoreError, match="symbolic link that leads out"):
                store.read(key)
            with pytest.raises(StoreError, match="symbolic link that leads out"):
                store.write(key, b"overwritten")
        assert (tmp_path / "secret").read_bytes() == b"secret"
        assert not (tmp_path / "new").exists()

    def test_a_listing_does_not_leave_out_unsaid_what_lies_behind_a_link(
        self, store: LocalStore, tmp_path: Path
    ) -> None:
        store.write("folder/key", b"x")
        (store.root / "folder" / "more").symlink_to(tmp_path)
        with pytest.raises(StoreError, match="folder/more is or goes through a symbolic link"):
            list(store.list())

    def test_a_link_within_the_root_is_read_and_a_loop_ends(self, store: LocalStore) -> None:
        store.write("folder/key", b"x")
        (store.root / "folder" / "link").symlink_to("key")
        (store.root / "folder" / "again").symlink_to(store.root / "folder")
        assert store.read("folder/link") == b"x"
        assert [entry.key for entry in store.list()] == ["folder/key", "folder/link"]

    def test_the_root_itself_may_be_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        LocalStore(tmp_path / "link").write("key", b"x")
        assert (tmp_path / "real" / "key").read_bytes() == b"x"


class TestFilesAndFolders:
    def test_a_key_below_another_key_is_refused(self, store: LocalStore) -> None:
        store.write("key", b"x")
        for write in (store.write, store.create):
            with pytest.raises(StoreError, match="file where a folder is needed"):
                write("key/below", b"y")
        assert store.read("key") == b"x"

    def test_a_key_that_is_a_folder_is_refused(self, store: LocalStore) -> None:
        store.write("folder/key", b"x")
        with pytest.raises(StoreError, match="a folder"):
            store.write("folder", b"y")
        with pytest.raises(StoreError) as caught:
            store.create("folder", b"y")
        assert not isinstance(caught.value, Conflict)
        assert store.read("folder/key") == b"x"

    def test_a_name_too_long_for_the_disk_is_said(self, store: LocalStore) -> None:
        with pytest.raises(StoreError, match="too long"):
            store.write("x" * 300, b"x")

    def test_a_file_on_the_same_disk_is_moved(self, store: LocalStore) -> None:
        with store.scratch() as folder:
            (folder / "file").write_bytes(b"x")
            inode = (folder / "file").stat().st_ino
            store.put_file("key", folder / "file")
        assert (store.root / "key").stat().st_ino == inode

    def test_a_file_on_another_disk_is_copied(self, store: LocalStore) -> None:
        other = Path("/dev/shm")  # a disk of its own on Linux
        if not other.is_dir() or other.stat().st_dev == store.root.parent.stat().st_dev:
            pytest.skip("there is no second disk")
        path = other / f"perennial-test-{os.getpid()}"
        path.write_bytes(b"x" * 100_000)
        try:
            store.put_file("key", path)
        finally:
            path.unlink(missing_ok=True)
        assert store.read("key") == b"x" * 100_000
        assert list((store.root / ".scratch").iterdir()) == []


class TestDisksThatRefuse:
    def test_a_root_that_cannot_be_made_is_said_by_path(self) -> None:
        # Even root may make no folder there.
        store = LocalStore("/sys/perennial")
        with pytest.raises(StoreError, match=r"/sys/perennial.*point PERENNIAL_STORE") as caught:
            store.write("key", b"x")
        assert not caught.value.retryable

    def test_a_root_that_is_a_file_is_said_by_path(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"x")
        with pytest.raises(StoreError, match=f"{tmp_path}/file"):
            LocalStore(tmp_path / "file").write("key", b"x")

    @pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
    def test_a_root_without_rights_is_said_and_still_read(self, store: LocalStore) -> None:
        store.write("key", b"x")
        store.root.chmod(0o555)
        (store.root / ".scratch").chmod(0o555)
        try:
            with pytest.raises(StoreError, match="no permission"):
                store.write("other", b"x")
            assert store.read("key") == b"x"
        finally:
            store.root.chmod(0o755)
            (store.root / ".scratch").chmod(0o755)

    @pytest.mark.skipif(shutil.which("unshare") is None, reason="no means to mount a small disk")
    def test_a_full_disk_is_said_and_leaves_whole_objects_only(self, tmp_path: Path) -> None:
        disk = tmp_path / "disk"
        disk.mkdir()
        script = Path(__file__).with_name("other_process.py")
        mounted = 'mount -t tmpfs -o size=1m none "$1" || exit 77; exec "$2" "$3" "$1/store" fill'
        done = subprocess.run(
            ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", disk, sys.executable, script],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 77 or "unshare" in done.stderr:
            pytest.skip(f"this user may not mount a small disk: {done.stderr}")
        said, whole = done.stdout.splitlines()
        assert said.startswith("StoreError")
        assert "the disk is full: free space there, or point PERENNIAL_STORE elsewhere" in said
        assert whole == "True"

    def test_a_write_that_breaks_off_changes_nothing(self, store: LocalStore) -> None:
        store.write("key", b"old")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        try:
            with pytest.raises(StoreError, match="too large"):
                store.write("key", bytes(20_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        assert store.read("key") == b"old"
        assert list((store.root / ".scratch").iterdir()) == []


class TestForks:
    def test_a_forked_child_leaves_its_parents_scratch_alone(self, store: LocalStore) -> None:
        block = ExitStack()
        folder = block.enter_context(store.scratch())
        child = os.fork()
        if child == 0:
            block.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        with store.scratch():
            assert folder.is_dir()
        block.close()
        assert not folder.exists()

    @pytest.mark.timeout(20)
    def test_a_child_forked_during_a_write_does_not_hold_up_later_ones(self, store: LocalStore) -> None:
        with store._locked("key"):
            child = os.fork()
            if child == 0:
                signal.pause()
                os._exit(0)
        try:
            store.write("key", b"x")
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert store.read("key") == b"x"
