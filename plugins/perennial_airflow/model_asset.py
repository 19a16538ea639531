"""What the assets of a model have in common: a name that Airflow need not normalise."""

from __future__ import annotations

import attrs
from airflow.sdk import Asset


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
