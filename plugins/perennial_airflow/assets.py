"""The assets of a model. Their events say that the model has a new champion, or that a check has found drift."""

from __future__ import annotations

import attrs
from airflow.sdk import Asset, AssetAlias


@attrs.define(init=False, eq=False)
class ModelAsset(Asset):
    """`perennial://<model>/<what>`, equal to the plain Asset of that URI: schedule on either.

    To normalise a URI, Airflow loads the asset modules of all installed providers (Amazon's imports
    boto3) whenever a DAG file is parsed. This URI is normalised already, so that is avoided.
    """

    uri: str = attrs.field(kw_only=True)

    def __init__(self, model: str, what: str) -> None:
        uri = f"perennial://{model}/{what}"
        self.__attrs_init__(name=uri, uri=uri)


@attrs.define(init=False, eq=False)
class ChampionAsset(ModelAsset):
    """`perennial://<model>/champion`."""

    def __init__(self, model: str) -> None:
        super().__init__(model, "champion")


@attrs.define(init=False, eq=False)
class DriftDetected(ModelAsset):
    """`perennial://<model>/drift`."""

    def __init__(self, model: str) -> None:
        super().__init__(model, "drift")


def drift_outlet(model: str) -> AssetAlias:
    """Return the outlet through which a task can report drift.

    A plain asset among the outlets gets an event whenever the task succeeds, so also after a check without drift; an
    alias gets one only if the task adds it.
    """
    return AssetAlias(DriftDetected(model).name)
