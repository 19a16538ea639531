"""Warn in a task's log if its worker runs another version of Perennial than the deployment."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from perennial.errors import PerennialError

if TYPE_CHECKING:
    from perennial.store.protocol import Store

log = logging.getLogger(__name__)
_compared: set[str] = set()


def say_other_version(store: Store) -> None:
    """Compare with the version that the store has recorded, once per process and store.

    Preflight keeps an older worker from starting. This is for workers that were running when the deployment was
    upgraded, and for workers without preflight. If the store does not answer, nothing is logged: the task itself will
    report it.
    """
    from perennial.models.environment import code_version
    from perennial.preflight.version import difference

    if store.uri in _compared:
        return
    _compared.add(store.uri)
    try:
        said = difference(store, code_version())
    except PerennialError as error:
        log.debug("versions not compared: %s", error)
        return
    if said:
        log.warning(said)
