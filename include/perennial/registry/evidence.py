"""What MLflow knows of a model's versions and of the runs that trained them, for those who have to show it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from perennial.registry.tracking import MlflowException, Tracker

# Everything else among a run's files may be a package, or somebody else's: it could hold rows.
_SHOWN = (".html", ".json", ".md", ".png", ".svg")


@dataclass(frozen=True)
class VersionEvidence:
    """A version in the model registry.

    Attributes
    ----------
    version : str
        Its number.
    registered_at : datetime
        UTC, by MLflow's clock.
    mlflow_run_id : str
    description : str
    tags : dict of str to str
        Perennial's: those of others could hold anything.
    """

    version: str
    registered_at: datetime
    mlflow_run_id: str
    description: str
    tags: dict[str, str]


def versions_of(tracker: Tracker, model: str) -> tuple[VersionEvidence, ...]:
    """Return all registered versions of a model, oldest first."""
    with tracker.connected():
        found = tracker.client.search_model_versions(f"name = '{model}'")
    return tuple(
        VersionEvidence(
            version=str(one.version),
            registered_at=datetime.fromtimestamp(one.creation_timestamp / 1000, UTC),
            mlflow_run_id=one.run_id or "",
            description=one.description or "",
            tags=_ours(one.tags),
        )
        for one in sorted(found, key=lambda one: int(one.version))
    )


def figures_of_run(tracker: Tracker, mlflow_run_id: str) -> dict[str, dict[str, Any]] | None:
    """Return a run's `params`, `metrics` and Perennial's `tags`; None: it was deleted."""
    with tracker.connected():
        try:
            run = tracker.client.get_run(mlflow_run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
    if run.info.lifecycle_stage != "active":
        return None
    return {"params": dict(run.data.params), "metrics": dict(run.data.metrics), "tags": _ours(run.data.tags)}


def files_of_run(tracker: Tracker, mlflow_run_id: str, folder: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield path and content of a run's pages, pictures and JSON, by path: its spec, card, figures and plots."""
    with tracker.transfer(f"the list of files of run {mlflow_run_id}"):
        found = sorted(tracker.client.list_artifacts(mlflow_run_id, folder or None), key=lambda file: file.path)
    for file in found:
        if file.is_dir:
            yield from files_of_run(tracker, mlflow_run_id, file.path)
        elif file.path.endswith(_SHOWN):
            with tempfile.TemporaryDirectory() as scratch, tracker.transfer(f"artifact {file.path}"):
                yield file.path, Path(tracker.client.download_artifacts(mlflow_run_id, file.path, scratch)).read_bytes()


def _ours(tags: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if name.startswith("perennial.")}
