"""S3 with the credentials of Airflow's connections."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from perennial_airflow.hooks.regional import connection_id


def s3_client(region: str | None) -> Any:
    """Return a boto3 client from the region's connection, else from `aws_default`, else from boto3's environment.

    Parameters
    ----------
    region : str or None
        The region `us-east-1` has the connection `aws_us_east_1`.
    """
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    return S3Hook(aws_conn_id=_connection(region)).get_conn()


def _connection(region: str | None) -> str:
    if region is not None:
        try:
            return BaseHook.get_connection(connection_id("aws", region)).conn_id
        except AirflowNotFoundException:
            pass
    return "aws_default"
