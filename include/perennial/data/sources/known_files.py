"""The summaries of a model's source files, kept in the store, so that each file is scanned only once."""

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

# To be raised when the summary of a file is computed differently: older stored summaries are then ignored.
_EDITION = 2


class _Kept(Record):
    scanned_as: str
    files: tuple[tuple[StoredObject, SourceSummary], ...]


class KnownFiles:
    """The object `<model>/source_files.json`. It may be deleted: then all files are opened once again.

    Parameters
    ----------
    store : Store
        The model's store.
    model : str
    place : str
        Address of the files.
    file_format : str
    request : ScanRequest
        What a file's summary depends on besides its content. Summaries of another request are ignored.
    """

    def __init__(self, store: Store, model: str, place: str, file_format: str, request: ScanRequest) -> None:
        self._store = store
        self._key = SOURCE_FILES.key(model)
        scanned_as = json.dumps([_EDITION, place, file_format, asdict(request)], default=str)
        self._scanned_as = hashlib.sha256(scanned_as.encode()).hexdigest()

    def load(self) -> dict[StoredObject, SourceSummary]:
        """Return the stored summaries by file. A file with other content is another StoredObject, so none is outdated.

        If the object cannot be read, a warning is logged and nothing returned: all files are opened.

        Raises
        ------
        StoreUnavailable
            The store does not answer.
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
        """Replace the stored summaries. If the store refuses, only a warning is logged: nothing depends on them."""
        kept = _Kept(scanned_as=self._scanned_as, files=tuple(known.items()))
        try:
            self._store.write(self._key, seal(kept, indent=None))
        except StoreError as error:
            log.warning("what was found in the source's files was not kept, so they are opened again: %s", error)
