"""How far a model has been watched: one object in the store, replaced only over the version that was read."""

from __future__ import annotations

from perennial.errors import StoreError
from perennial.monitoring.records import MonitorState
from perennial.store.protocol import Conflict, KeyNotFound, Store


class StateChanged(StoreError):
    """Something that is no check changed the state while a check was closed; closing it again begins from that."""

    retryable = True


def state_key(model: str) -> str:
    """Return the state's key in the store."""
    return f"{model}/monitor/state.json"


def load_state(store: Store, model: str) -> tuple[MonitorState, str | None]:
    """Return the state and its version in the store; a model that was never watched has an empty one and no version."""
    try:
        stored = store.read_versioned(state_key(model))
    except KeyNotFound:
        return MonitorState(), None
    try:
        return MonitorState.model_validate_json(stored.data), stored.version
    except ValueError as error:
        raise StoreError(
            f"{state_key(model)} cannot be read: {error}. Restore it; or move {model}/monitor/ and {model}/ledger/ away to "
            "begin afresh"
        ) from None


def save_state(store: Store, model: str, state: MonitorState, version: str | None) -> bool:
    """Store the state over the version that was read.

    Returns
    -------
    bool
        False where another process has closed the same check, or a later one, before: nothing is written then.

    Raises
    ------
    StateChanged
        The state was changed by something that is no check.
    """
    data = state.model_dump_json(indent=2).encode()
    try:
        if version is None:
            store.create(state_key(model), data)
        else:
            store.replace(state_key(model), data, version)
    except Conflict:
        found, _ = load_state(store, model)
        if found.sequence >= state.sequence:
            return False
        raise StateChanged(
            f"{state_key(model)} stands at check {found.sequence} and was changed while check {state.sequence} was closed"
        ) from None
    return True
