"""The state of a model's monitoring: one object in the store, replaced only if its version is the one that was read."""

from __future__ import annotations

from perennial.errors import StoreError
from perennial.layout import STATE
from perennial.monitoring.records import MonitorState
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_versioned_record, seal


class StateChanged(StoreError):
    """Something other than a check changed the state while a check was closed.

    Closing the check again uses the new state.
    """

    retryable = True


def load_state(store: Store, model: str) -> tuple[MonitorState, str | None]:
    """Return the state and its version; a model that was never monitored has an empty state and no version.

    Raises
    ------
    Damaged
        The content is not what was written.
    """
    advice = (
        "It says up to where rows were checked, and no check is made without it. Put it back from a backup "
        f"(docs/deploy.md); or move {model}/monitor/ and {model}/ledger/ away to start from scratch"
    )
    try:
        return read_versioned_record(store, STATE.key(model), MonitorState, advice)
    except KeyNotFound:
        return MonitorState(), None


def save_state(store: Store, model: str, state: MonitorState, version: str | None) -> bool:
    """Store the state over the version that was read.

    Returns
    -------
    bool
        False if another process has closed the same check, or a later one, before; then nothing is written.

    Raises
    ------
    StateChanged
        Something other than a check changed the state.
    """
    data = seal(state)
    try:
        if version is None:
            store.create(STATE.key(model), data)
        else:
            store.replace(STATE.key(model), data, version)
    except Conflict:
        found, _ = load_state(store, model)
        if found.sequence >= state.sequence:
            return False
        raise StateChanged(
            f"{STATE.key(model)} is at check {found.sequence} and was changed while check {state.sequence} was closed"
        ) from None
    return True
