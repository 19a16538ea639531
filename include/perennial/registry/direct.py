"""What every look and check needs of MLflow, without MLflow's client: importing it takes longer than all the rest.

A server is asked through MLflow's REST API, a SQLite file by queries of its tables. This is done only if the client
would certainly give the same answer. In all other cases, such as a failure, `NotDirect` is raised; then the caller asks
the client, which has error messages of its own.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    import requests

_VERSION_BY_ALIAS = """
SELECT held.version, held.run_id, held.source FROM registered_model_aliases AS alias JOIN model_versions AS held
ON held.workspace = alias.workspace AND held.name = alias.name AND held.version = alias.version
WHERE alias.workspace = 'default' AND alias.name = ? AND alias.alias = ? AND held.current_stage != 'Deleted_Internal'
"""
_PLACE_OF_VERSION = """
SELECT coalesce(storage_location, source) FROM model_versions
WHERE workspace = 'default' AND name = ? AND version = ? AND current_stage != 'Deleted_Internal'
"""
# A plain login is sent as MLflow's client sends it. With any other setting of the connection, the client is used.
_PLAIN = {f"MLFLOW_TRACKING_{name}" for name in ("URI", "USERNAME", "PASSWORD", "TOKEN")}
_OTHER = ("MLFLOW_TRACKING_", "MLFLOW_WORKSPACE", "MLFLOW_ENABLE_WORKSPACES", "MLFLOW_ALLOW_HTTP_REDIRECTS")
_API = "/api/2.0/mlflow"
_ARTIFACTS = "mlflow-artifacts:/"
_TIMEOUT_S = 15
# What MLflow returns if the model or the alias does not exist.
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


class NotDirect(Exception):
    """MLflow's client must be asked instead."""


@dataclass(frozen=True)
class AliasHolder:
    """The version of a model that has an alias; run and source are empty if the version has none."""

    name: str
    version: str
    run_id: str
    source: str


def find_alias_holder(uri: str, name: str, alias: str) -> AliasHolder | None:
    """Return the version of a model that has an alias; None if the model or the alias does not exist.

    Raises
    ------
    NotDirect
        MLflow's client must be asked.
    """
    if uri.startswith("sqlite:///"):
        row = _select(uri, _VERSION_BY_ALIAS, (name, alias))
        return AliasHolder(name, str(row[0]), row[1] or "", row[2] or "") if row else None
    answer = _get(uri, f"{_API}/registered-models/alias", name=name, alias=alias)
    found = _json(answer)
    if answer.status_code in (400, 404) and found.get("error_code") in _ABSENT:
        return None
    held = found.get("model_version") or {}
    if answer.status_code != 200 or not held.get("version"):
        raise NotDirect
    return AliasHolder(name, str(held["version"]), held.get("run_id") or "", held.get("source") or "")


def fetch_files(uri: str, name: str, version: str, files: Iterable[str], folder: Path) -> None:
    """Fetch files of a version into a folder. They are not compared with what was recorded: the caller does that.

    Raises
    ------
    NotDirect
        MLflow's client must be asked.
    """
    place = _place(uri, name, version)
    try:
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            if place.startswith("/"):
                shutil.copyfile(f"{place}/{file}", folder / file)
                continue
            answer = _get(
                uri, f"/api/2.0/mlflow-artifacts/artifacts/{quote(place.removeprefix(_ARTIFACTS))}/{quote(file)}"
            )
            if answer.status_code != 200:
                raise NotDirect
            (folder / file).write_bytes(answer.content)
    except OSError as error:
        raise NotDirect from error


def _place(uri: str, name: str, version: str) -> str:
    """Return where a version's files are: a folder on this machine, or one that MLflow's server gives access to."""
    if uri.startswith("sqlite:///"):
        row = _select(uri, _PLACE_OF_VERSION, (name, int(version)))
        place = row[0] if row else ""
    else:
        place = _json(_get(uri, f"{_API}/model-versions/get-download-uri", name=name, version=version)).get(
            "artifact_uri", ""
        )
    # With a host after the scheme it is on another server than the one that was asked.
    if not place.startswith("/") and (not place.startswith(_ARTIFACTS) or place.startswith(f"{_ARTIFACTS}/")):
        raise NotDirect
    return str(place)


def _select(uri: str, statement: str, values: tuple[object, ...]) -> Any:
    path = Path(uri.removeprefix("sqlite:///")).absolute()
    if "?" in uri or os.environ.get("MLFLOW_ENABLE_WORKSPACES"):
        raise NotDirect
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            return database.execute(statement, values).fetchone()
    except sqlite3.Error as error:
        raise NotDirect from error


def _get(uri: str, path: str, **query: str) -> requests.Response:
    odd = any(name.startswith(_OTHER) and name not in _PLAIN for name in os.environ)
    if not uri.startswith(("http://", "https://")) or odd or Path("~/.mlflow/credentials").expanduser().exists():
        raise NotDirect
    import requests  # Takes a fifth of the time of a look with a SQLite file, which does not need it.

    # As a header, so that a login in the address takes precedence over those of the environment.
    user, password, token = (os.environ.get(f"MLFLOW_TRACKING_{name}") for name in ("USERNAME", "PASSWORD", "TOKEN"))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if user and password:
        headers = {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
    try:
        return requests.get(uri.rstrip("/") + path, params=query, headers=headers, timeout=_TIMEOUT_S)
    except (requests.RequestException, UnicodeError) as error:
        raise NotDirect from error


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError as error:
        raise NotDirect from error
    return found if isinstance(found, dict) else {}
