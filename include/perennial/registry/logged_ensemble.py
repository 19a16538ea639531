"""Logs models that serve together as one MLflow model: a folder of bundles that MLflow's pyfunc can load."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow.pyfunc
from mlflow.models import Model

from perennial.ensemble import pyfunc
from perennial.errors import TrainingError
from perennial.models.environment import library_versions
from perennial.models.recorded import RecordedBundle, record_bundle
from perennial.registry.logged_model import link_to_run
from perennial.registry.tracking import MlflowException

if TYPE_CHECKING:
    from perennial.models.manifest import Manifest
    from perennial.registry.tracking import Tracker
    from perennial.store.protocol import Store

MLMODEL = "MLmodel"


def log_ensemble(
    tracker: Tracker,
    experiment_id: str,
    run_id: str,
    *,
    name: str,
    newest_uri: str,
    manifest: Manifest,
    digest: str,
    files: Path,
    scratch: Path,
    store: Store,
) -> RecordedBundle:
    """Log an ensemble to MLflow as an output of the newest member's run, and record it in the store.

    Parameters
    ----------
    name : str
        Name of the model.
    newest_uri : str
        MLflow's URI of the newest member's own model, whose signature is used.
    manifest : Manifest
        The manifest, as written in `files`.
    digest : str
        Hexadecimal SHA-256 of the manifest's file.
    files : Path
        Folder with the manifest and the members' folders; it is emptied.
    scratch : Path
        A folder for the files before they are uploaded.
    store : Store
        Gets the record of the files that may be loaded.

    Raises
    ------
    TrainingError
        The files cannot be written.
    """
    tracker.download_files(newest_uri, [MLMODEL], scratch)
    with tracker.connected():
        logged = tracker.client.create_logged_model(experiment_id, name=name, source_run_id=run_id)
    folder = scratch / "mlflow-model"
    description = Model(
        artifact_path=logged.artifact_location,
        model_uuid=logged.model_id,
        run_id=run_id,
        model_id=logged.model_id,
        signature=Model.load(str(scratch / MLMODEL)).signature,
    )
    try:
        mlflow.pyfunc.save_model(
            str(folder),
            loader_module=pyfunc.__name__,
            mlflow_model=description,
            pip_requirements=[f"{library}=={version}" for library, version in _libraries(manifest).items()],
        )
        for part in list(files.iterdir()):
            shutil.move(part, folder / part.name)
    except (MlflowException, OSError) as error:
        raise TrainingError(f"the ensemble cannot be written to {folder}: {error}") from error
    tracker.log_model_folder(logged.model_id, folder)
    recorded = RecordedBundle(
        mlflow_run_id=run_id, model_uri=f"models:/{logged.model_id}", digest=digest, manifest=manifest
    )
    with tracker.connected():
        tracker.client.finalize_logged_model(logged.model_id, "READY")
    record_bundle(store, name, recorded)
    link_to_run(tracker, recorded)
    return recorded


def _libraries(manifest: Manifest) -> dict[str, str]:
    """Return those of here, and of each that only some members were made with, the newest such member's version."""
    of_members = (member.manifest.provenance.libraries for member in manifest.members)
    return {name: version for libraries in (*of_members, library_versions()) for name, version in libraries.items()}
