"""The assets of a model: their events say that it has a new champion, and that a check of it has found drift."""

from __future__ import annotations

import attrs
from airflow.sdk import Asset, AssetAlias


@attrs.define(init=False, eq=False)
class ModelAsset(Asset):
    """`perennial://<model>/<what>`, equal to the plain Asset of that URI: schedule on either.

    To normalise a URI, Airflow loads the asset modules of all installed providers, Amazon's with
    boto3, whenever a DAG file is parsed. This URI is made here and needs no normalising.
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
    """Return the outlet through which a task may tell of drift, or keep silent.

    A plain asset among the outlets has an event whenever the task succeeds, that is with each quiet check; an
    alias only when the task adds one.
    """
    return AssetAlias(DriftDetected(model).name)
