"""The asset whose events say that a check of a model has fired."""

from __future__ import annotations

import attrs
from airflow.sdk import AssetAlias

from perennial_airflow.model_asset import ModelAsset


@attrs.define(init=False, eq=False)
class DriftDetected(ModelAsset):
    """`perennial://<model>/drift`."""

    def __init__(self, model: str) -> None:
        super().__init__(model, "drift")


def drift_outlet(model: str) -> AssetAlias:
    """Return the outlet through which a task may tell of drift, or keep silent.

    A plain asset among the outlets has an event whenever the task succeeds, that is with each quiet check; an
    alias only when the task adds one.
    """
    return AssetAlias(DriftDetected(model).name)
