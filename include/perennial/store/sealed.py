"""Records in the store: JSON that carries a digest of itself, so that a damaged record is noticed."""

from __future__ import annotations

import hashlib
import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from perennial.store.damage import Damaged
from perennial.store.protocol import Store

Record = TypeVar("Record", bound=BaseModel)

# Matches any name and digest: a record with a damaged seal must not pass for a record without one.
_SEAL = re.compile(rb'\{\n  "(.{6})": "(.{64})",', re.DOTALL)


def seal(record: BaseModel, *, indent: int | None = 2) -> bytes:
    """Return a record as JSON whose first field, `sha256`, is the digest of all that follows it."""
    content = record.model_dump_json(indent=indent).encode()
    digest = hashlib.sha256(content[1:]).hexdigest()
    return b'{\n  "sha256": "%s",' % digest.encode() + content[1:]


def is_sealed(data: bytes) -> bool:
    """Tell whether content begins with a seal; `unseal` tells whether it is the right one."""
    return _SEAL.match(data) is not None


def unseal(data: bytes) -> bytes:
    """Return the JSON of a record without its seal.

    A record without a seal, of an older version or changed by hand, is returned as it is.

    Raises
    ------
    ValueError
        The content does not have the digest that the seal names.
    """
    found = _SEAL.match(data)
    if found is None:
        return data
    content = data[found.end() :]
    if found[1] != b"sha256" or hashlib.sha256(content).hexdigest().encode() != found[2]:
        raise ValueError("its content does not match its digest (if it was changed by hand, remove its line sha256)")
    return b"{" + content


def read_record(store: Store, key: str, of: type[Record], advice: str) -> Record:
    """Return a record.

    Parameters
    ----------
    store : Store
    key : str
    of : type of pydantic.BaseModel
    advice : str
        What depends on the record, and what to do if it is damaged: the end of the error's message.

    Raises
    ------
    KeyNotFound
        There is no such record.
    Damaged
        The content is not JSON, not a record of this type, or not what was written.
    """
    return read_versioned_record(store, key, of, advice)[0]


def read_versioned_record(store: Store, key: str, of: type[Record], advice: str) -> tuple[Record, str]:
    """Return a record and its version for `Store.replace`; otherwise as `read_record`."""
    stored = store.read_versioned(key)
    try:
        return of.model_validate_json(unseal(stored.data)), stored.version
    except ValueError as error:
        why = _why(error) if isinstance(error, ValidationError) else str(error)
        raise Damaged(f"{store.uri}/{key}", f"is damaged: {why}", advice, version=stored.version) from None


def _why(error: ValidationError) -> str:
    """Describe the first error only: for a document of another kind, pydantic would name every field."""
    first = error.errors(include_url=False, include_input=False)[0]
    # Names in a damaged document may contain anything, including a terminal's control characters.
    field = ascii(".".join(str(part) for part in first["loc"]))
    more = f", and {error.error_count() - 1} more" if error.error_count() > 1 else ""
    return f"{ascii(first['msg'])[1:-1]}{f' in {field}' if first['loc'] else ''}{more}"
