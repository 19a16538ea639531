"""A claim on a piece of work that one process at a time may do, kept in the store.

The owner rewrites the claim every few seconds, from a thread of its own. A process that waits reads the claim again and
again: if it has not changed for `DURATION_S` seconds, by the waiting process's own clock, it has lapsed and may be
taken over. So the clocks of two machines need not agree. The claim of a process on the same machine that has died is
taken over at once. Every write is conditional: of two processes that write at the same time one gets the claim, and an
owner that was cut off for too long finds that the claim is no longer its own.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from perennial.errors import StoreError
from perennial.printable import PrintableLog
from perennial.store.protocol import Conflict, KeyNotFound, Store

log = PrintableLog(__name__)

DURATION_S = 60.0
"""Seconds for which a claim is valid after its owner has last renewed it."""
_BEATS = 6  # renewals in that time, so that one that fails does no harm
_LOOKS = 60  # how often a waiting process reads the claim in that time


class Owner(BaseModel):
    """The process that has the claim. Others on the same machine can see from it whether the process still runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str
    """Unique to the claim."""
    host: str
    process: int
    process_place: str
    """Where the process number is valid: the machine's boot id and PID namespace; empty: not known."""
    process_start: str
    """When the system started the process, in clock ticks since boot, because process numbers are used again."""
    since: datetime
    work: str

    @classmethod
    def this_process(cls, work: str, since: datetime) -> Owner:
        """Return the owner of a new claim: this process."""
        process = os.getpid()
        return cls(
            token=uuid.uuid4().hex,
            host=socket.gethostname(),
            process=process,
            process_place=_place(),
            process_start=_start_of(process) or "",
            since=since,
            work=work,
        )

    def __str__(self) -> str:
        """Return the owner in words."""
        return f"{self.work}, process {self.process} on {self.host}, since {self.since:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def is_dead(self) -> bool:
        """Whether the process ran on this machine and has ended. False also where that cannot be known."""
        here = self.process_place != "" and self.process_place == _place()
        return here and self.process_start != "" and _start_of(self.process) != self.process_start


class _Claim(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: Owner | None = None
    """None: the claim is free."""
    renewed: int = 0
    """Number of the renewal. It makes the content of each renewal differ, and so its version."""


class Lease:
    """A claim that this process has. A thread renews it until `release`. Made by `claim`."""

    def __init__(self, store: Store, key: str, owner: Owner, version: str, duration_s: float) -> None:
        self.owner = owner
        self._store, self._key, self._version = store, key, version
        self._renewed, self._lost = 0, False
        self._lock, self._end = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._beat, args=(duration_s / _BEATS,), name="lease", daemon=True)
        self._thread.start()

    def renew(self) -> bool:
        """Renew the claim now. Returns False if another process has taken it over.

        Raises
        ------
        StoreError
            The store did not accept the write, so it is not known who has the claim.
        """
        with self._lock:
            if self._lost:
                return False
            claim = _Claim(owner=self.owner, renewed=self._renewed + 1)
            try:
                self._version = self._store.replace(self._key, _json(claim), self._version)
            except Conflict:
                # The store may have taken an earlier renewal whose answer was lost; its version is not known here.
                now, version = _read(self._store, self._key)
                if now is None or version is None or now.owner != self.owner:
                    self._lost = True
                    return False
                self._version, claim = version, now
            self._renewed = claim.renewed
            return True

    def release(self) -> None:
        """Give up the claim, so that others can have it.

        If the store does not accept that, the claim lapses by itself.
        """
        self._end.set()
        self._thread.join()
        try:
            self._store.replace(self._key, _json(_Claim()), self._version)
        except Conflict:
            log.warning("%s was taken over by another process", self._key)
        except StoreError as error:
            log.warning("%s could not be released and lapses by itself: %s", self._key, error)

    def _beat(self, every_s: float) -> None:
        while not self._end.wait(every_s):
            try:
                if not self.renew():
                    return
            except StoreError as error:
                log.warning("%s could not be renewed: %s", self._key, error)


def claim(
    store: Store,
    key: str,
    *,
    work: str,
    told: Callable[[Owner | None], None],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    duration_s: float | None = None,
) -> Lease:
    """Claim the key, after waiting until its owner has released it, has died or no longer renews it.

    Parameters
    ----------
    store : Store
    key : str
    work : str
        What this process does with the claim, shown to those who wait.
    told : callable
        Called once for each owner that is waited for, and with None if the stored claim cannot be read.
    now : callable
        Clock for the time shown in the claim; nothing depends on it.
    duration_s : float, optional
        Default: `DURATION_S`. All processes that claim a key must use the same.

    Raises
    ------
    StoreError
        The store does not answer or refuses.
    """
    lasts_s = DURATION_S if duration_s is None else duration_s
    mine = Owner.this_process(work, now())
    content = _json(_Claim(owner=mine))
    seen: tuple[str | None, float] = (None, 0.0)
    waited_for: set[str] = set()
    while True:
        found, version = _read(store, key)
        if version is None:
            try:
                return Lease(store, key, mine, store.create(key, content), lasts_s)
            except Conflict:
                continue
        owner = found.owner if found else None
        if found is not None and owner is not None and owner.token == mine.token:
            # The write succeeded, and only its answer was lost.
            return Lease(store, key, mine, version, lasts_s)
        if seen[0] != version:
            seen = version, time.monotonic()
        free = found is not None and owner is None
        if free or (owner is not None and owner.is_dead) or time.monotonic() - seen[1] >= lasts_s:
            if not free:
                log.info("%s is taken over: its owner has died, or did not renew it (%s)", key, owner)
            try:
                return Lease(store, key, mine, store.replace(key, content, version), lasts_s)
            except Conflict:
                continue
        token = owner.token if owner else ""
        if token not in waited_for:
            waited_for.add(token)
            told(owner)
        time.sleep(lasts_s / _LOOKS)


def _read(store: Store, key: str) -> tuple[_Claim | None, str | None]:
    """Return the claim and its version. Neither: there is none. A version alone: it cannot be read, and will lapse."""
    try:
        stored = store.read_versioned(key)
    except KeyNotFound:
        return None, None
    try:
        return _Claim.model_validate_json(stored.data), stored.version
    except ValueError:
        return None, stored.version


def _json(claim: _Claim) -> bytes:
    return claim.model_dump_json(indent=2).encode()


def _place() -> str:
    """Return boot id and PID namespace: two containers of one machine may each have a process 7. Linux only."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start_of(process: int) -> str | None:
    """Return when a process of this machine was started; None: it has ended (a zombie counts as ended)."""
    try:
        # The second field, the name, may contain anything, including brackets.
        state, *fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else fields[18]
