"""Where rows, reports and models are kept: what the environment says, for all models or for the region of a spec."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from perennial.deployment import TUNING_URL, PackageIndex
from perennial.errors import SpecError

if TYPE_CHECKING:
    from perennial.spec import ModelSpec


@dataclass(frozen=True)
class TrackingServer:
    """An MLflow server.

    Attributes
    ----------
    uri : str
        May hold a login; never logged.
    takes_rows : bool
        False: the server is outside the region that the rows may not leave.
    """

    uri: str = field(repr=False)
    takes_rows: bool = True


def variable(name: str, region: str | None) -> str:
    """Return a region's environment variable, such as PERENNIAL_STORE_US_EAST_1; without a region, the name itself."""
    return name if region is None else f"{name}_{region.upper().replace('-', '_')}"


def store_uri(model: str, region: str | None) -> str:
    """Return the URI of the store that a model's rows and reports belong in.

    Raises
    ------
    SpecError
        The region has no store. The store of all other models is never used in its place.
    """
    if region is None:
        return os.environ.get("PERENNIAL_STORE", ".perennial/store")
    return _of_region("PERENNIAL_STORE", model, region, "the folder or s3://bucket/prefix that its rows may lie in")


def data_root(spec: ModelSpec) -> Path | str:
    """Return the folder, or s3://bucket/prefix, in which sources without an address of their own are.

    Raises
    ------
    SpecError
        The source is a folder, and the spec's region has no data root.
    """
    reads_folder = spec.source.uri is not None and not spec.source.uri.startswith("s3://")
    if spec.region is None or not reads_folder:
        return _folder(os.environ.get("PERENNIAL_DATA", ".perennial/data"))
    return _folder(
        _of_region("PERENNIAL_DATA", spec.name, spec.region, "the folder or s3://bucket/prefix of its sources")
    )


def tracking_server(
    region: str | None, *, connection: Callable[[str | None], str | None] | None = None
) -> TrackingServer:
    """Return a region's own MLflow server, or else that of all models, which must not get the region's rows.

    Parameters
    ----------
    region : str or None
    connection : callable, optional
        Returns the URI that a connection names for a region, or for all models (None). It has priority over the
        environment.
    """
    for of in dict.fromkeys((region, None)):
        uri = (connection and connection(of)) or os.environ.get(variable("MLFLOW_TRACKING_URI", of))
        if uri:
            return TrackingServer(uri, takes_rows=of == region)
    return TrackingServer("sqlite:///.perennial/mlflow.db", takes_rows=region is None)


def tuning_url(region: str | None, *, connection: Callable[[str | None], str | None] | None = None) -> str:
    """Return the SQLAlchemy URL of the storage of searches, which holds parameters and scores, but no rows.

    Parameters
    ----------
    region : str or None
    connection : callable, optional
        Returns the URL that a connection names for a region, or for all models (None). It has priority over the
        environment.
    """
    for of in dict.fromkeys((region, None)):
        url = (connection and connection(of)) or os.environ.get(variable("PERENNIAL_TUNING", of))
        if url:
            return url
    return TUNING_URL


def package_index() -> PackageIndex | None:
    """Return the package index that twine's own variables name; None: they name none."""
    url = os.environ.get("TWINE_REPOSITORY_URL", "")
    login = (os.environ.get(f"TWINE_{name}", "") for name in ("USERNAME", "PASSWORD"))
    return PackageIndex(url, *login) if url else None


def cache_folder() -> Path:
    """Return the folder of the worker in which what can be made again is kept."""
    return Path(os.environ.get("PERENNIAL_CACHE", ".perennial/cache"))


def _folder(root: str) -> Path | str:
    return root if root.startswith("s3://") else Path(root)


def _of_region(name: str, model: str, region: str, what: str) -> str:
    wanted = variable(name, region)
    value = os.environ.get(wanted, "")
    if not value.strip():
        raise SpecError(
            f"{model} belongs to region {region!r}, and {wanted} is not set: set it to {what}. {name} is not taken in "
            "its place, since rows may not leave their region"
        )
    return value
