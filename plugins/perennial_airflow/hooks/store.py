"""The store that PERENNIAL_STORE names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

if TYPE_CHECKING:
    from perennial.store.protocol import Store


class StoreHook(BaseHook):
    """Opens the store; one on S3 with the credentials of the connection `aws_default`, if there is one."""

    def open(self) -> Store:
        """Return the store.

        Raises
        ------
        StoreError
            PERENNIAL_STORE is no store, or not writable.
        """
        from perennial.store import open_store
        from perennial_airflow.hooks.source import s3_client

        uri = os.environ.get("PERENNIAL_STORE", ".perennial/store")
        return open_store(uri, s3=s3_client() if uri.startswith("s3://") else None)
