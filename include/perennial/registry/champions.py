"""Which version of a model is champion."""

from __future__ import annotations

from perennial.registry.aliases import CHAMPION, version_by_alias
from perennial.registry.recorded_version import recorded_version
from perennial.registry.records import Champion
from perennial.registry.tracking import Tracker
from perennial.store.protocol import Store


def current_champion(store: Store, tracking_uri: str, name: str) -> Champion | None:
    """Return the version that holds the alias `champion`; None if the model or the alias is not there.

    What it comes from is read from the record that its trainer wrote to the store, and not from tags, which anyone may
    change in MLflow. A version without a record is foreign.

    Raises
    ------
    Damaged
        The record is not what was written.
    """
    found = version_by_alias(Tracker(tracking_uri), name, CHAMPION)
    if found is None:
        return None
    version, run_id = str(found.version), found.run_id or ""
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
    )
