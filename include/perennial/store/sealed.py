"""Records in the store: JSON that carries a digest of itself, so that none is believed that is not what was written."""

from __future__ import annotations

import hashlib
import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from perennial.store.damage import Damaged
from perennial.store.protocol import Store

Record = TypeVar("Record", bound=BaseModel)

# Of any name and digest: a seal that is damaged itself must not be taken for none.
_SEAL = re.compile(rb'\{\n  "(.{6})": "(.{64})",', re.DOTALL)


def seal(record: BaseModel, *, indent: int | None = 2) -> bytes:
    """Return a record as JSON whose first field, `sha256`, is the digest of all that follows it."""
    content = record.model_dump_json(indent=indent).encode()
    digest = hashlib.sha256(content[1:]).hexdigest()
    return b'{\n  "sha256": "%s",' % digest.encode() + content[1:]


def unseal(data: bytes) -> bytes:
    """Return the JSON of a record without its seal.

    A record without a seal is returned as it is: one of an older version, or one that was changed by hand.

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
        raise ValueError(
            "its content is not what was written, by its digest (whoever changed it by hand has to remove its line sha256)"
        )
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
        There is none.
    Damaged
        It is not JSON, not the record that is wanted, or not what was written.
    """
    return read_versioned_record(store, key, of, advice)[0]


def read_versioned_record(store: Store, key: str, of: type[Record], advice: str) -> tuple[Record, str]:
    """Return a record and the version that `Store.replace` wants back; as `read_record`."""
    stored = store.read_versioned(key)
    try:
        return of.model_validate_json(unseal(stored.data)), stored.version
    except ValueError as error:
        why = _why(error) if isinstance(error, ValidationError) else str(error)
        raise Damaged(f"{store.uri}/{key}", f"is damaged: {why}", advice, version=stored.version) from None


def _why(error: ValidationError) -> str:
    """Say what is wrong first: of a document that is another's, pydantic would name every field."""
    first = error.errors(include_url=False, include_input=False)[0]
    # Names in a damaged document may hold anything, a terminal's control characters among it.
    field = ascii(".".join(str(part) for part in first["loc"]))
    more = f", and {error.error_count() - 1} more" if error.error_count() > 1 else ""
    return f"{ascii(first['msg'])[1:-1]}{f' in {field}' if first['loc'] else ''}{more}"
