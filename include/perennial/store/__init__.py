"""Where bytes are stored: a local folder or S3, behind one small protocol."""

from __future__ import annotations

from perennial.store.damage import Damaged
from perennial.store.disk import disk_errors
from perennial.store.local import LocalStore
from perennial.store.open import open_store
from perennial.store.protocol import Conflict, KeyNotFound, Store, StoredObject, Versioned

__all__ = [
    "Conflict",
    "Damaged",
    "KeyNotFound",
    "LocalStore",
    "Store",
    "StoredObject",
    "Versioned",
    "disk_errors",
    "open_store",
]
