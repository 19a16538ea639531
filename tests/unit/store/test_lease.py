"""A claim has one owner, whatever dies, stands still or comes at the same moment; on every store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from perennial.store import Store
from perennial.store.lease import Lease, Owner, claim
from perennial.store.protocol import Versioned

KEY = "model/runs/1/lease.json"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def take(store: Store, work: str = "a test", *, duration_s: float = 0.6, told=lambda _: None) -> Lease:
    return claim(store, KEY, work=work, told=told, now=lambda: NOON, duration_s=duration_s)


def elsewhere(store: Store, **changes: object) -> bytes:
    """Leave the claim of a process on another machine, which nobody renews; return its bytes."""
    owner = Owner.this_process("another machine", NOON).model_copy(
        update={"host": "far", "process_place": "far", **changes}
    )
    data = json.dumps({"owner": owner.model_dump(mode="json"), "renewed": 3}).encode()
    store.write(KEY, data)
    return data


def test_it_is_free_again_when_it_is_released(store):
    for _ in range(3):
        lease = take(store)
        assert json.loads(store.read(KEY))["owner"]["work"] == "a test"
        lease.release()
    assert json.loads(store.read(KEY)) == {"owner": None, "renewed": 0}


def test_who_comes_second_waits_as_long_as_the_first_renews_it_and_is_told_once_who_that_is(store):
    first = take(store, "the first")
    said: list[Owner | None] = []
    waited = []

    def second() -> None:
        began = time.monotonic()
        take(store, told=said.append).release()
        waited.append(time.monotonic() - began)

    thread = threading.Thread(target=second)
    thread.start()
    time.sleep(2)
    assert thread.is_alive()
    first.release()
    thread.join(5)
    assert waited[0] >= 1.9
    assert [str(owner) for owner in said] == [
        f"the first, process {os.getpid()} on {first.owner.host}, since 2024-05-01 12:00:00 UTC"
    ]


def test_of_many_at_once_one_at_a_time_has_it(store):
    inside, most = 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        lease = take(store)
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.05)
        with lock:
            inside -= 1
        lease.release()

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (inside, most) == (0, 1)


def test_one_that_nobody_renews_is_taken_over_when_it_lapses_and_not_before(store):
    elsewhere(store)
    began = time.monotonic()
    take(store).release()
    assert 0.6 <= time.monotonic() - began < 2.5


def test_what_cannot_be_read_lapses_too(store):
    store.write(KEY, b'{"owner": {"host"')
    said: list[Owner | None] = []
    take(store, told=said.append).release()
    assert said == [None]


@pytest.mark.parametrize("since", [datetime(1990, 1, 1, tzinfo=UTC), datetime(2990, 1, 1, tzinfo=UTC)])
def test_no_clock_but_the_waiting_process_s_own_says_when(store, since):
    elsewhere(store, since=since)
    began = time.monotonic()
    take(store).release()
    assert 0.6 <= time.monotonic() - began < 2.5


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells when a process was started")
def test_a_dead_process_of_this_machine_is_not_waited_for(store):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    here = Owner.this_process("killed", NOON)
    elsewhere(store, host=here.host, process_place=here.process_place, process=dead.pid)
    began = time.monotonic()
    take(store, duration_s=60).release()
    assert time.monotonic() - began < 5


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells when a process was started")
def test_a_process_that_was_killed_and_that_nobody_has_waited_for_is_dead():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
    owner = Owner.this_process("a child", NOON).model_copy(update={"process": child.pid, "process_start": started})
    assert not owner.is_dead
    assert owner.model_copy(update={"process_start": "1"}).is_dead, "another process has its number now"
    assert not owner.model_copy(update={"process_start": "1", "process_place": "another container"}).is_dead
    child.send_signal(signal.SIGKILL)
    time.sleep(0.5)
    assert owner.is_dead
    child.wait()
    assert owner.is_dead


def test_an_owner_that_was_cut_off_learns_that_it_is_one_no_more_and_leaves_the_other_alone(store):
    first = take(store)
    first._end.set()  # stands still: it renews nothing
    first._thread.join()
    second = take(store)
    assert not first.renew()
    first.release()
    assert second.renew()
    second.release()


def test_a_renewal_whose_answer_was_lost_is_known_again(store, monkeypatch):
    lease = take(store, duration_s=60)
    replace = type(store).replace

    def lose_the_answer(self, key, data, expected):
        replace(self, key, data, expected)
        return replace(self, key, data, expected)  # as a client does that tries once more

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "replace", lose_the_answer)
        assert lease.renew()
    assert lease.renew()
    lease.release()
    assert json.loads(store.read(KEY))["owner"] is None


def test_a_store_that_is_away_for_a_moment_costs_no_lease(store, monkeypatch):
    from perennial.errors import StoreUnavailable

    lease = take(store)

    def away(*_):
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "replace", away)
        time.sleep(0.3)
    time.sleep(0.3)
    assert lease.renew()
    assert isinstance(store.read_versioned(KEY), Versioned)
    lease.release()
