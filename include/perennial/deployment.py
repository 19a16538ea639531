"""Where rows come from, and where models and reports go."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perennial.store.protocol import Store

TUNING_URL = "sqlite:///.perennial/tuning.db"
"""The storage of searches where none is named: for processes on one machine."""


@dataclass(frozen=True)
class PackageIndex:
    """An index of Python packages.

    Attributes
    ----------
    url : str
        Its upload address.
    username, password : str
        Its login; never logged. An index without one gets empty ones.
    """

    url: str = field(repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The places that a model's runs and checks share: those of all models, or those of the spec's region.

    Attributes
    ----------
    store : Store
        Where snapshots, reports and verdicts go.
    tracking_uri : str
        MLflow's tracking and registry server; may hold a login, so it is never logged.
    mlflow_takes_rows : bool
        False: MLflow's server is outside the spec's region, and no row may be sent to it.
    data_root : Path or str
        Folder, or s3://bucket/prefix, in which sources without an address of their own are.
    sql_url : str or None
        SQLAlchemy URL of the source's connection; never logged.
    tuning_url : str
        SQLAlchemy URL of the storage of searches; never logged.
    package_index : PackageIndex or None
        Where wheels are published; None: nowhere.
    s3 : boto3 S3 client or None
        For sources on S3; None: a client is made from the environment.
    """

    store: Store
    tracking_uri: str = field(repr=False)
    mlflow_takes_rows: bool = True
    data_root: Path | str
    sql_url: str | None = field(default=None, repr=False)
    tuning_url: str = field(default=TUNING_URL, repr=False)
    package_index: PackageIndex | None = None
    s3: Any = None
