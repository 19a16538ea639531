"""Say in a task's log that its worker runs another Perennial than the deployment."""

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

    Preflight keeps an older worker from starting; this is for those that were running when the deployment was upgraded,
    and for workers that nothing looked at. A store that does not answer is left to the task itself to find out.
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
