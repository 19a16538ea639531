"""The store that a model's rows and reports belong in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

if TYPE_CHECKING:
    from perennial.store.protocol import Store


class StoreHook(BaseHook):
    """Opens the store of PERENNIAL_STORE, or of the region's PERENNIAL_STORE_<REGION>.

    A store on S3 is opened with the region's AWS connection, or else with `aws_default`, if there is one.

    Parameters
    ----------
    model : str
    region : str or None
        The spec's region.
    """

    def __init__(self, model: str, region: str | None) -> None:
        super().__init__()
        self.model = model
        self.region = region

    def open(self) -> Store:
        """Return the store.

        Raises
        ------
        SpecError
            The region has no store.
        StoreError
            The variable does not name a store, or the store is not writable.
        """
        from perennial.places import store_uri
        from perennial.store import open_store
        from perennial_airflow.hooks.s3 import s3_client

        uri = store_uri(self.model, self.region)
        return open_store(uri, s3=s3_client(self.region) if uri.startswith("s3://") else None)
