"""How far a model has been watched: one object in the store, replaced only over the version that was read."""

from __future__ import annotations

from perennial.errors import StoreError
from perennial.layout import STATE
from perennial.monitoring.records import MonitorState
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_versioned_record, seal


class StateChanged(StoreError):
    """Something that is not a check changed the state while a check was closed; closing it again begins from that."""

    retryable = True


def load_state(store: Store, model: str) -> tuple[MonitorState, str | None]:
    """Return the state and its version in the store; a model that was never watched has an empty one and no version.

    Raises
    ------
    Damaged
        It is not what was written.
    """
    advice = (
        "It says up to where rows were checked, and no check is made without it. Put it back from a backup "
        f"(docs/deploy.md); or move {model}/monitor/ and {model}/ledger/ away to begin afresh"
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
        False where another process has closed the same check, or a later one, before: nothing is written then.

    Raises
    ------
    StateChanged
        The state was changed by something that is not a check.
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
            f"{STATE.key(model)} stands at check {found.sequence} and was changed while check {state.sequence} was closed"
        ) from None
    return True
