"""S3 with the credentials of Airflow's connections."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from cachetools import TTLCache

from perennial_airflow.hooks.regional import connection_id

if TYPE_CHECKING:
    from airflow.sdk import Connection

# Clients are cached, because a triggerer looks for rows of each model every minute, and making a client takes 0.1 s of
# CPU and 12 MB. The cache expires, because credentials that boto3 reads from a file may change.
_CLIENTS: TTLCache[object, Any] = TTLCache(maxsize=32, ttl=600)
_LOCK = Lock()


def s3_client(region: str | None) -> Any:
    """Return a boto3 client from the region's connection, else from `aws_default`, else from boto3's environment.

    The client may be shared between threads. It is cached for ten minutes for the same connection and environment.

    Parameters
    ----------
    region : str or None
        The spec's region; `us-east-1` has the connection `aws_us_east_1`.
    """
    connection = _connection(region)
    environment = tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
    made_from = (connection and connection.get_uri(), environment)
    with _LOCK:
        client = _CLIENTS.get(made_from)
    if client is None:
        # Not under the lock: it may request a role's credentials, and one region's slow server would delay all others.
        client = _make(connection and connection.conn_id)
        with _LOCK:
            client = _CLIENTS.setdefault(made_from, client)
    return client


def _make(connection: str | None) -> Any:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    return S3Hook(aws_conn_id=connection).get_conn()


def _connection(region: str | None) -> Connection | None:
    for of in dict.fromkeys((region, None)):
        try:
            return BaseHook.get_connection(connection_id("aws", of))
        except AirflowNotFoundException:
            continue
    return None
