"""Whether the objects of a model are what was written: each is read and compared with the digest that it carries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from perennial.data.snapshots.manifest import load_manifest, repair_advice
from perennial.errors import PerennialError, StoreUnavailable
from perennial.layout import MANIFEST, REFERENCE, Place, place_of
from perennial.monitoring.drift_tests.reference import check_reference
from perennial.store.content import content_file, names_content
from perennial.store.protocol import KeyNotFound, Store
from perennial.store.sealed import unseal

_ADVICE = "docs/operations.md#damaged says what depends on it and what to do"


@dataclass(frozen=True)
class Contents:
    """Result of reading a model's objects.

    Attributes
    ----------
    read : int
        Number of objects that carry a digest, or are JSON without one as older versions wrote it.
    problems : tuple of str
        A sentence for each object that is not what was written, and for each file that a snapshot lacks.
    """

    read: int
    problems: tuple[str, ...]


def read_contents(store: Store, model: str) -> Contents:
    """Read all objects of a model except the reports: those carry no digest, and nothing depends on them.

    Objects that are not in the store's layout do not belong to Perennial, and are skipped.

    Raises
    ------
    StoreUnavailable
        The store does not answer.
    """
    read = 0
    problems: list[str] = []
    for item in store.list(f"{model}/"):
        place = place_of(item.key)
        if place is not None and place.kind != "report" and (item.key.endswith(".json") or names_content(item.key)):
            read += 1
            problems += _problems(store, model, item.key, place)
    return Contents(read, tuple(problems))


def _problems(store: Store, model: str, key: str, place: Place) -> Iterator[str]:
    try:
        if place is MANIFEST:
            yield from _missing_parts(store, model, key)
        elif place is REFERENCE:
            check_reference(store, key.removesuffix(REFERENCE.name))
        elif key.endswith(".json"):
            json.loads(unseal(store.read(key)))
        else:
            with content_file(store, key, _ADVICE):
                pass
    except StoreUnavailable:
        raise
    except KeyNotFound as error:
        if store.exists(key):
            # A part of a reference is gone. Any other object was removed meanwhile, as by a lifecycle rule.
            yield str(error)
    except PerennialError as error:
        yield str(error)
    except (ValueError, RecursionError) as error:
        yield f"{store.uri}/{key} is damaged: {error}. {_ADVICE}"


def _missing_parts(store: Store, model: str, key: str) -> Iterator[str]:
    """Name the files that a snapshot lacks. Those that are there are read as objects of their own."""
    for part in load_manifest(store, model, key.split("/")[-2]).parts:
        if not store.exists(f"{key.removesuffix(MANIFEST.name)}{part.name}"):
            yield f"{key.removesuffix(MANIFEST.name)}{part.name} is gone from {store.uri}. {repair_advice(model)}"
