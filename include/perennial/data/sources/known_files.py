"""What was found in each file of a model's source, kept in the store: no step opens a file that another has looked through."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from perennial.data.sources.rows import ScanRequest
from perennial.data.sources.summary import SourceSummary
from perennial.errors import StoreError, StoreUnavailable
from perennial.layout import SOURCE_FILES
from perennial.printable import PrintableLog
from perennial.record import Record
from perennial.store.protocol import KeyNotFound, Store, StoredObject
from perennial.store.sealed import read_record, seal

log = PrintableLog(__name__)

# Another number where a file has other summary than it had before: what was kept until then no longer counts.
_EDITION = 2


class _Kept(Record):
    scanned_as: str
    files: tuple[tuple[StoredObject, SourceSummary], ...]


class KnownFiles:
    """The object `<model>/source_files.json`. It may be deleted: then all files are opened once more.

    Parameters
    ----------
    store : Store
        The model's.
    model : str
    place : str
        Where the files lie.
    file_format : str
    request : ScanRequest
        What a file's summary depend on besides its content: those of another request are not known.
    """

    def __init__(self, store: Store, model: str, place: str, file_format: str, request: ScanRequest) -> None:
        self._store = store
        self._key = SOURCE_FILES.key(model)
        scanned_as = json.dumps([_EDITION, place, file_format, asdict(request)], default=str)
        self._scanned_as = hashlib.sha256(scanned_as.encode()).hexdigest()

    def load(self) -> dict[StoredObject, SourceSummary]:
        """Return the summary of all files that are known. Another content is another StoredObject, so they stay true.

        What cannot be read is a warning, and nothing is known: all files are opened.

        Raises
        ------
        StoreUnavailable
            The store may answer later.
        """
        try:
            kept = read_record(self._store, self._key, _Kept, "All files of the source are opened again")
        except KeyNotFound:
            return {}
        except StoreUnavailable:
            raise
        except StoreError as error:
            log.warning("what was found in the source's files cannot be read, so they are opened again: %s", error)
            return {}
        return dict(kept.files) if kept.scanned_as == self._scanned_as else {}

    def keep(self, known: Mapping[StoredObject, SourceSummary]) -> None:
        """Keep what is known now in place of what was. A store that refuses is a warning: nothing depends on it."""
        kept = _Kept(scanned_as=self._scanned_as, files=tuple(known.items()))
        try:
            self._store.write(self._key, seal(kept, indent=None))
        except StoreError as error:
            log.warning("what was found in the source's files was not kept, so they are opened again: %s", error)
