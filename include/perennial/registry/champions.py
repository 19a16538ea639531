"""Which version of a model is champion, and its files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from perennial.printable import PrintableLog
from perennial.registry.aliases import CHAMPION, version_by_alias
from perennial.registry.logged_model import MODEL_FILE
from perennial.registry.origin import Origin, read_origin
from perennial.registry.records import Champion
from perennial.registry.tracking import Tracker

log = PrintableLog(__name__)


def current_champion(tracking_uri: str, name: str) -> Champion | None:
    """Return the version that holds the alias `champion`; None if the model or the alias is not there.

    A version that was not registered by Perennial has no tags: its digests are then empty. So are those of one whose tags
    cannot be read, which is a warning.
    """
    tracker = Tracker(tracking_uri)
    found = version_by_alias(tracker, name, CHAMPION)
    if found is None:
        return None
    return Champion(version=str(found.version), mlflow_run_id=found.run_id or "", **asdict(_origin(name, found)))


def _origin(name: str, version: Any) -> Origin:
    try:
        return read_origin(version.tags)
    except ValueError as error:
        log.warning(
            "tags of version %s of %s cannot be read, so it is taken for one that Perennial did not make: %s. Its MLflow run "
            "%s has the tags as they were: set them so again",
            version.version, name, error, version.run_id,
        )  # fmt: skip
        return Origin()


def download_model(tracking_uri: str, model_uri: str, folder: Path) -> Path:
    """Fetch the skops file of a model, for `perennial.models.skops_format.load_model`.

    Parameters
    ----------
    model_uri : str
        `models:/<name>/<version>` or, as a candidate has it, `models:/<id>`.
    folder : Path
        Where to put it.

    Returns
    -------
    Path
        The file.
    """
    return Tracker(tracking_uri).download_file(model_uri, MODEL_FILE, folder)
