"""Which version of a model is champion."""

from __future__ import annotations

from typing import Any

from perennial.ensemble.kept_weights import find_weights
from perennial.ensemble.records import MemberWeight
from perennial.models.recorded import RecordedBundle
from perennial.registry.direct import AliasHolder, NotDirect, find_alias_holder
from perennial.registry.recorded_version import recorded_version
from perennial.registry.records import CHAMPION, Champion
from perennial.store.protocol import Store


def current_champion(store: Store, tracking_uri: str, name: str) -> Champion | None:
    """Return the version with the alias `champion`; None if the model or the alias does not exist.

    Where it comes from is read from the record that its training wrote to the store, not from tags in MLflow, which
    anyone may change. A version without a record was not trained by Perennial.

    Raises
    ------
    Damaged
        The record was changed after it was written.
    """
    found = _holder(tracking_uri, name)
    return None if found is None else _champion(store, found)


def find_version(store: Store, tracking_uri: str, name: str, number: str) -> Champion | None:
    """Return a version as it would be champion; None if it does not exist. Raises the errors of `current_champion`."""
    from perennial.registry.aliases import version_by_number
    from perennial.registry.tracking import Tracker

    found = version_by_number(Tracker(tracking_uri), name, number)
    return None if found is None else _champion(store, _as_holder(name, found))


def _champion(store: Store, found: AliasHolder) -> Champion:
    version, run_id = found.version, found.run_id
    recorded = recorded_version(store, found)
    if recorded is None:
        return Champion(version=version, mlflow_run_id=run_id)
    return Champion(
        version=version,
        mlflow_run_id=run_id,
        bundle_digest=recorded.digest,
        snapshot_digest=recorded.manifest.provenance.snapshot_digest,
        train_end=recorded.manifest.served.train_end,
        twin_train_end=recorded.manifest.twin.train_end,
        weights=_weights(store, found.name, recorded),
    )


def _weights(store: Store, name: str, recorded: RecordedBundle) -> tuple[MemberWeight, ...]:
    """Return the newest weights of models that serve together: those of the promotion, if no check has changed them."""
    members = recorded.manifest.members
    kept = find_weights(store, name, recorded.digest).kept if members else None
    if kept is not None:
        return kept.members
    return tuple(
        MemberWeight(mlflow_run_id=one.mlflow_run_id, weight=one.weight, idle_since=one.idle_since) for one in members
    )


def _holder(tracking_uri: str, name: str) -> AliasHolder | None:
    try:
        return find_alias_holder(tracking_uri, name, CHAMPION)
    except NotDirect:
        from perennial.registry.aliases import version_by_alias
        from perennial.registry.tracking import Tracker

        found = version_by_alias(Tracker(tracking_uri), name, CHAMPION)
        return None if found is None else _as_holder(name, found)


def _as_holder(name: str, version: Any) -> AliasHolder:
    return AliasHolder(name, str(version.version), version.run_id or "", version.source or "")
