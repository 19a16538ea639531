"""What every store keeps to, whatever it is made of. A new adapter joins by its line in the fixture `store`."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from perennial.errors import StoreError
from perennial.store import Conflict, KeyNotFound, Store, StoredObject, open_store


class TestReadingAndWriting:
    def test_what_was_written_is_read(self, store: Store) -> None:
        store.write("model/runs/report.html", b"one")
        assert store.read("model/runs/report.html") == b"one"
        assert store.exists("model/runs/report.html")

    @pytest.mark.parametrize("content", [b"", b"\0\r\n\xff", bytes(3_000_000)], ids=["empty", "binary", "large"])
    def test_any_content_comes_back_as_it_was(self, store: Store, content: bytes) -> None:
        store.write("key", content)
        assert store.read("key") == content

    @pytest.mark.parametrize("key", ["with space", "ümläut/☃", "a=1/b#c?d%20e+f", "-dash", "..dots", "dots.."])
    def test_unusual_keys_are_keys(self, store: Store, key: str) -> None:
        store.write(key, b"x")
        with store.local_file(key) as path:
            assert path.read_bytes() == b"x"
        assert [entry.key for entry in store.list()] == [key]

    def test_nothing_is_there_before_the_first_write(self, store: Store) -> None:
        assert not store.exists("key")
        assert list(store.list()) == []

    @pytest.mark.parametrize("folder", ["", "below/"])
    def test_reading_what_is_not_there_names_the_key(self, store: Store, folder: str) -> None:
        store.write("folder/below/key", b"x")
        key = f"folder/{folder}missing"
        with pytest.raises(KeyNotFound, match=key):
            store.read(key)
        with pytest.raises(KeyNotFound, match=key):
            store.read_versioned(key)
        with pytest.raises(KeyNotFound, match=key), store.local_file(key):
            pytest.fail("nothing to give")

    def test_a_folder_is_no_object(self, store: Store) -> None:
        store.write("folder/key", b"x")
        assert not store.exists("folder")
        with pytest.raises(KeyNotFound):
            store.read("folder")

    def test_a_second_write_replaces_the_first(self, store: Store) -> None:
        store.write("key", b"longer than the second")
        store.write("key", b"second")
        assert store.read("key") == b"second"

    def test_what_was_deleted_is_gone(self, store: Store) -> None:
        store.write("folder/key", b"x")
        store.delete("folder/key")
        assert not store.exists("folder/key")
        assert list(store.list()) == []

    def test_deleting_what_is_not_there_does_nothing(self, store: Store) -> None:
        store.delete("folder/key")
        assert not store.exists("folder/key")


class TestKeys:
    @pytest.mark.parametrize(
        "key", ["", "/absolute", "folder/", "a//b", ".", "..", "../out", "a/../../out", "a/./b", "nul\0", "\ud800"]
    )
    def test_keys_that_leave_the_root_or_cannot_be_stored_are_refused(self, store: Store, key: str) -> None:
        with pytest.raises(StoreError, match="cannot use the key"):
            store.write(key, b"x")
        with pytest.raises(StoreError, match="cannot use the key"):
            store.read(key)
        with pytest.raises(StoreError, match="cannot use the key"):
            store.delete(key)
        assert list(store.list()) == []

    @pytest.mark.parametrize("prefix", ["/", "../", "a//b", "nul\0"])
    def test_a_prefix_that_no_key_can_have_is_refused(self, store: Store, prefix: str) -> None:
        with pytest.raises(StoreError, match="cannot use the key"):
            store.list(prefix)


class TestVersions:
    def test_every_way_to_write_and_read_gives_the_same_version(self, store: Store) -> None:
        created = store.create("key", b"one")
        assert store.read_versioned("key").version == created
        replaced = store.replace("key", b"two", created)
        assert store.read_versioned("key").version == replaced
        written = store.write("key", b"three")
        assert store.read_versioned("key").version == written
        assert len({created, replaced, written}) == 3

    def test_create_does_not_touch_what_is_there(self, store: Store) -> None:
        store.create("folder/key", b"one")
        with pytest.raises(Conflict, match="folder/key"):
            store.create("folder/key", b"two")
        assert store.read("folder/key") == b"one"

    def test_create_works_again_after_delete(self, store: Store) -> None:
        store.create("key", b"one")
        store.delete("key")
        store.create("key", b"two")
        assert store.read("key") == b"two"

    def test_replace_refuses_another_version(self, store: Store) -> None:
        old = store.write("folder/key", b"one")
        store.write("folder/key", b"two")
        with pytest.raises(Conflict, match="folder/key"):
            store.replace("folder/key", b"three", old)
        assert store.read("folder/key") == b"two"

    def test_replace_refuses_what_is_gone(self, store: Store) -> None:
        old = store.write("folder/key", b"one")
        store.delete("folder/key")
        with pytest.raises(Conflict, match="folder/key"):
            store.replace("folder/key", b"two", old)
        assert not store.exists("folder/key")

    def test_a_conflict_is_no_reason_to_try_the_same_again(self, store: Store) -> None:
        store.create("key", b"one")
        with pytest.raises(Conflict) as caught:
            store.create("key", b"two")
        assert not caught.value.retryable


class TestListing:
    def test_keys_come_in_order_whatever_lies_in_folders(self, store: Store) -> None:
        keys = ["a-b", "a.txt", "a/b", "a/b.c", "a0", "b/a/c", "b/a-c", "ä", "☃/x"]
        for key in random.Random(7).sample(keys, len(keys)):
            store.write(key, b"x")
        assert [entry.key for entry in store.list()] == sorted(keys)

    def test_a_prefix_is_the_beginning_of_a_key(self, store: Store) -> None:
        for key in ("model/runs/1/a", "model/runs/10/a", "model/runs.txt", "model2/runs/1/a"):
            store.write(key, b"x")
        assert [entry.key for entry in store.list("model/runs/1/")] == ["model/runs/1/a"]
        assert [entry.key for entry in store.list("model/runs/1")] == ["model/runs/1/a", "model/runs/10/a"]
        assert [entry.key for entry in store.list("model/ru")] == [
            "model/runs.txt",
            "model/runs/1/a",
            "model/runs/10/a",
        ]
        assert list(store.list("model/none/")) == []

    def test_an_entry_has_size_time_and_a_version_that_follows_the_content(self, store: Store) -> None:
        store.write("key", b"12345")
        (first,) = store.list()
        assert first.size_bytes == 5
        assert abs(first.modified - datetime.now(UTC)) < timedelta(minutes=5)
        store.write("key", b"54321")
        (second,) = store.list()
        assert second.version != first.version
        assert list(store.list()) == [second]

    @pytest.mark.parametrize("count", [1100])
    def test_a_listing_longer_than_a_page_of_s3_is_whole(self, store: Store, count: int) -> None:
        keys = [f"many/{number:05}" for number in range(count)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: store.write(key, b""), keys))
        assert [entry.key for entry in store.list("many/")] == keys

    def test_an_entry_that_was_kept_as_json_is_recognised(self, store: Store) -> None:
        store.write("folder/key", b"x")
        as_json = TypeAdapter(StoredObject)

        kept = as_json.validate_json(as_json.dump_json(next(store.list())))

        assert {kept} == set(store.list())

    def test_a_store_opened_by_its_uri_is_the_same(
        self, store: Store, s3_server: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in s3_server.environment.items():  # type: ignore[attr-defined]
            monkeypatch.setenv(name, value)
        store.write("folder/key", b"x")
        assert open_store(store.uri).read("folder/key") == b"x"


class TestFiles:
    def test_a_file_is_stored_over_what_is_there(self, store: Store, tmp_path: Path) -> None:
        store.write("folder/key", b"old")
        (tmp_path / "file").write_bytes(b"new")
        store.put_file("folder/key", tmp_path / "file")
        assert store.read("folder/key") == b"new"

    def test_a_file_of_several_parts_comes_back_as_it_was(self, store: Store, tmp_path: Path) -> None:
        content = random.Random(7).randbytes(40 * 1024 * 1024)
        (tmp_path / "file").write_bytes(content)
        store.put_file("key", tmp_path / "file")
        with store.local_file("key") as path:
            assert path.read_bytes() == content

    def test_a_file_that_is_not_there_is_said_by_name(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match=r"missing\.parquet"):
            store.put_file("key", tmp_path / "missing.parquet")
        assert not store.exists("key")

    def test_a_linked_file_is_stored_by_its_content(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"content")
        (tmp_path / "link").symlink_to(tmp_path / "file")
        store.put_file("key", tmp_path / "link")
        assert store.read("key") == b"content"

    def test_scratch_is_empty_and_gone_afterwards(self, store: Store) -> None:
        with store.scratch() as first, store.scratch() as second:
            assert first != second
            assert list(first.iterdir()) == []
            (first / "sub").mkdir()
            (first / "sub" / "file").write_bytes(b"x")
        assert not first.exists()
        assert not second.exists()
        assert list(store.list()) == []

    def test_scratch_is_gone_after_an_error(self, store: Store) -> None:
        with pytest.raises(ZeroDivisionError), store.scratch() as folder:
            raise ZeroDivisionError
        assert not folder.exists()


Start = Callable[..., "subprocess.Popen[str]"]


class TestSeveralWriters:
    def test_of_many_threads_that_create_a_key_one_wins(self, store: Store) -> None:
        def try_to_create(number: int) -> bytes | None:
            content = str(number).encode()
            try:
                store.create("key", content)
            except Conflict:
                return None
            return content

        for _ in range(20):
            with ThreadPoolExecutor(12) as pool:
                winners = [won for won in pool.map(try_to_create, range(12)) if won]
            assert winners == [store.read("key")]
            store.delete("key")

    def test_of_many_threads_that_replace_a_version_one_wins(self, store: Store) -> None:
        version = store.create("key", b"start")

        def try_to_replace(number: int) -> str | None:
            try:
                return store.replace("key", str(number).encode(), version)
            except Conflict:
                return None

        for _ in range(20):
            with ThreadPoolExecutor(12) as pool:
                winners = [won for won in pool.map(try_to_replace, range(12)) if won]
            assert winners == [store.read_versioned("key").version]
            version = store.write("key", b"start")

    def test_of_many_processes_that_create_a_key_one_wins(self, store: Store, in_another_process: Start) -> None:
        processes = [in_another_process("create_all", 100, letter) for letter in "abcd"]
        won = _outputs(processes)
        assert sorted(int(line) for output in won for line in output.split()) == list(range(100))
        for letter, output in zip("abcd", won, strict=True):
            assert all(store.read(f"race/{number}") == letter.encode() for number in output.split())

    def test_no_increment_by_many_processes_is_lost(self, store: Store, in_another_process: Start) -> None:
        store.create("counter", b"0")
        _outputs([in_another_process("increment", 25) for _ in range(4)])
        assert store.read("counter") == b"100"


class TestReadersAndKilledWriters:
    SIZE_BYTES = 500_000

    @pytest.mark.crash
    def test_nothing_half_written_is_ever_seen(self, store: Store, in_another_process: Start) -> None:
        dice = random.Random(7)
        store.write("replaced", b"z" * self.SIZE_BYTES)
        for _ in range(4):
            writer = in_another_process("write_for_ever", self.SIZE_BYTES)
            assert writer.stdout is not None
            assert writer.stdout.readline() == "writing\n"
            end = time.monotonic() + dice.uniform(0.05, 0.5)
            try:
                while time.monotonic() < end:
                    self._check_all(store)
            finally:
                writer.kill()
                writer.communicate()
            self._check_all(store)
        assert {"replaced", "written"} <= {entry.key for entry in store.list()}

    def _check_all(self, store: Store) -> None:
        for entry in store.list():
            content = store.read(entry.key)
            assert entry.size_bytes == self.SIZE_BYTES
            assert content == content[:1] * self.SIZE_BYTES
            assert entry.key.split("/")[0] in ("written", "replaced", "created", "put")

    @pytest.mark.crash
    def test_scratch_of_a_killed_process_is_swept_by_the_next(self, store: Store, in_another_process: Start) -> None:
        holder = in_another_process("hold_scratch")
        assert holder.stdout is not None
        theirs = Path(holder.stdout.readline().strip())
        with store.scratch() as mine:
            assert (theirs / "file").read_bytes() == b"unfinished"
            holder.kill()
            holder.communicate()
            assert theirs.is_dir()
            with store.scratch():
                assert set(mine.parent.glob(f"{theirs.name}*")) == set()
                assert mine.is_dir()


def _outputs(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return outputs
