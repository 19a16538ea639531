"""Which of the recorded bundles of an MLflow run a registered version is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from perennial.models.recorded import recorded_bundles

if TYPE_CHECKING:
    from perennial.models.recorded import RecordedBundle
    from perennial.store.protocol import Store


def recorded_version(store: Store, version: Any) -> RecordedBundle | None:
    """Return the record of a version in MLflow's registry; None: Perennial did not train it, or not with this store.

    Only the place of the version's files is taken from MLflow. Wherever they are, they are compared with the record
    before anything is loaded from them.

    Parameters
    ----------
    store : Store
    version : mlflow.entities.model_registry.ModelVersion

    Raises
    ------
    Damaged
        The record was changed after it was written.
    """
    if not version.run_id:
        return None
    recorded = recorded_bundles(store, version.name, version.run_id)
    return next((one for one in recorded if is_of(version, one.model_id)), None)


def is_of(version: Any, model_id: str) -> bool:
    """Tell whether a version's files are a logged model's: its source is `models:/<id>`, or a folder below the id."""
    return model_id in re.split("[/:]", version.source or "")
