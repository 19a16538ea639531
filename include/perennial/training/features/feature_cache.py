"""What was computed before, in a folder of the worker: named arrays under the digest that they follow from.

A file is written aside and then renamed, so that processes can share the folder, and starts with a digest of its name and
content: one that is torn or was changed counts as not there. What was not used for longest makes room for what is new.
Nothing that happens to the folder, such as a full disk, is an error: then the arrays are computed again.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from perennial.places import cache_folder
from perennial.printable import PrintableLog

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perennial.spec import ModelSpec

log = PrintableLog(__name__)

Arrays = dict[str, "NDArray[Any]"]
_DIGEST_BYTES = hashlib.sha256().digest_size
_OVERHEAD_BYTES = 1024
"""At most so much is written beside the numbers of one array."""


def clock(cache: FeatureCache | None) -> float:
    """Return the seconds of a clock that also counts what a cache saves, so that what is timed takes as long without it."""
    return time.monotonic() + (0.0 if cache is None else cache.saved_s)


@contextmanager
def savings_logged(cache: FeatureCache | None, level: int) -> Iterator[None]:
    """Log, when the block ends, what a cache saved within it, if it did."""
    if cache is None:
        yield
        return
    found, saved_s = cache.found, cache.saved_s
    yield
    if cache.found > found:
        said = "features were found in the cache %d times, which saved %.1f s"
        log.log(level, said, cache.found - found, cache.saved_s - saved_s)


class FeatureCache:
    """Arrays in a folder of bounded size.

    Attributes
    ----------
    found : int
        How many features were found, and not made, since this object was made.
    saved_s : float
        The seconds that making them would have taken, less those that the cache itself took.
    """

    def __init__(self, folder: Path, *, most_bytes: int) -> None:
        self.found = 0
        self.saved_s = 0.0
        self._folder = folder
        self._most_bytes = most_bytes
        self._usable = True

    @classmethod
    def of(cls, spec: ModelSpec) -> Self | None:
        """Return the cache of a spec's model; None: the spec asks for none."""
        most_mb = spec.features.cache_mb
        return None if most_mb is None else cls(cache_folder() / spec.name, most_bytes=most_mb * 1_000_000)

    def find(self, name: str) -> Arrays | None:
        """Return the arrays that were kept under a name; None: none were, or they are damaged."""
        path = self._folder / name
        try:
            with path.open("rb") as file:
                if file.read(_DIGEST_BYTES) != _digest(name, file):
                    log.warning("%s was damaged or changed: its features are computed again", path)
                    return None
                file.seek(_DIGEST_BYTES)
                with np.load(file, allow_pickle=False) as kept:
                    arrays = dict(kept)
            os.utime(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._give_up(error)
            return None
        return arrays

    def keep(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays of numbers under a name, the digest of all that they follow from, unless they are too large."""
        size = sum(array.nbytes + _OVERHEAD_BYTES for array in arrays.values())
        if not self._usable or size > self._most_bytes:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(size)
            self._write(name, arrays)
        except FileNotFoundError:
            log.debug("another process has made room meanwhile: %s is not kept", name)
        except OSError as error:
            self._give_up(error)

    def _write(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        descriptor, aside = tempfile.mkstemp(dir=self._folder)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                file.write(bytes(_DIGEST_BYTES))
                np.savez(file, allow_pickle=False, **arrays)
                file.seek(_DIGEST_BYTES)
                digest = _digest(name, file)
                file.seek(0)
                file.write(digest)
            Path(aside).replace(self._folder / name)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise

    def _make_room(self, size: int) -> None:
        """Remove what was not used for longest, also what a killed process has left, until so many bytes are free."""
        files = sorted(
            (entry.stat().st_mtime_ns, entry.stat().st_size, entry.path) for entry in os.scandir(self._folder)
        )
        total = size + sum(each for _, each, _ in files)
        for _, each, path in files:
            if total <= self._most_bytes:
                return
            Path(path).unlink(missing_ok=True)
            total -= each

    def _give_up(self, error: OSError) -> None:
        if self._usable:
            log.warning(
                "the cache of features in %s cannot be used (%s): training goes on without it", self._folder, error
            )
        self._usable = False


def _digest(name: str, file: IO[bytes]) -> bytes:
    """Return the digest of a name and what is left of a file."""
    digest = hashlib.sha256(name.encode())
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.digest()
