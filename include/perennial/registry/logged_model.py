"""A fitted pipeline as an MLflow model: skops file, signature, input example, requirements."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow.pyfunc
import mlflow.sklearn
import pandas as pd
from mlflow.entities import LoggedModelOutput
from mlflow.models import Model, ModelSignature
from mlflow.types.schema import AnyType, ColSpec, Schema

from perennial.errors import TrainingError
from perennial.models import pyfunc
from perennial.models.bundle import twin_file, write_manifest
from perennial.models.environment import library_versions
from perennial.models.formats.formats import format_of
from perennial.models.formats.skops_format import SkopsFormat, SkopsModel
from perennial.models.formats.trusted_types import check_allowed
from perennial.models.kept_rows import refuse_kept_rows
from perennial.models.manifest import Manifest
from perennial.models.recorded import RecordedBundle, record_bundle
from perennial.registry.tracking import MlflowException

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from perennial.registry.tracking import Tracker
    from perennial.spec import ModelSpec
    from perennial.store.protocol import Store

EXAMPLE_ROWS = 5


def log_model(
    tracker: Tracker,
    experiment_id: str,
    run_id: str,
    model: SkopsModel,
    *,
    spec: ModelSpec,
    manifest: Manifest,
    store: Store,
    inputs: pd.DataFrame,
    scratch: Path,
    with_example: bool = True,
    twin: Path | None = None,
) -> RecordedBundle:
    """Log a fitted model with its manifest to MLflow as an output of a run, and record it in the store.

    Parameters
    ----------
    model : SkopsModel
        The served model, which is also the one that MLflow's own loaders return.
    manifest : Manifest
        The files and the served model's types are filled in here.
    store : Store
        Gets the record of the files and types that may be loaded.
    inputs : pandas.DataFrame
        Rows that the model was fitted on, with the columns that it reads; they give the signature's types and,
        the first five of them, the example.
    scratch : Path
        A folder for the files before they are uploaded.
    with_example : bool
        False: rows must not go to MLflow, so the model has no example.
    twin : Path or None
        The file of the judged twin, whose types the manifest has; None: the model is not refit.

    Returns
    -------
    RecordedBundle
        The record in the store.

    Raises
    ------
    TrainingError
        The model cannot be stored without pickle, holds types that are not allowed, or holds rows that must not go to
        MLflow.
    """
    if not with_example:
        refuse_kept_rows(model.pipeline, spec)
    kept = format_of(model)
    types = kept.write(model, scratch / kept.file)
    check_allowed(types, spec)
    with tracker.connected():
        logged = tracker.client.create_logged_model(experiment_id, name=spec.name, source_run_id=run_id)
    folder = scratch / "mlflow-model"
    description = Model(
        artifact_path=logged.artifact_location, model_uuid=logged.model_id, run_id=run_id, model_id=logged.model_id
    )
    with warnings.catch_warnings():
        # MLflow warns of whole-number columns that may have missing values later; a snapshot has no such columns.
        warnings.simplefilter("ignore")
        example = inputs.head(EXAMPLE_ROWS)
        more = {
            "mlflow_model": description,
            "signature": signature(example, model.predict(example).values),
            "input_example": example if with_example else None,
            # Given here, since MLflow would otherwise find them by loading the model in another process.
            "pip_requirements": [f"{name}=={version}" for name, version in library_versions(*spec.served_code).items()],
        }
        if kept.name == SkopsFormat.name:
            _write_pipeline(model.pipeline, folder, trusted=types, **more)
        else:
            _write_file(scratch / kept.file, folder, **more)
    files = {kept.file: ""}
    if twin is not None:
        files[twin_file(kept)] = ""
        shutil.copyfile(twin, folder / twin_file(kept))
    types = tuple(dict.fromkeys((*types, *manifest.types)))
    manifest, digest = write_manifest(folder, manifest.model_copy(update={"files": files, "types": types}))
    tracker.log_model_folder(logged.model_id, folder)
    recorded = RecordedBundle(
        mlflow_run_id=run_id, model_uri=f"models:/{logged.model_id}", digest=digest, manifest=manifest
    )
    with tracker.connected():
        tracker.client.finalize_logged_model(logged.model_id, "READY")
    record_bundle(store, spec.name, recorded)
    link_to_run(tracker, recorded)
    return recorded


def link_to_run(tracker: Tracker, recorded: RecordedBundle) -> None:
    """Name a recorded model among the outputs of its MLflow run, unless it is there."""
    with tracker.connected():
        there = tracker.client.get_run(recorded.mlflow_run_id).outputs.model_outputs
        if recorded.model_id not in {output.model_id for output in there}:
            tracker.client.log_outputs(recorded.mlflow_run_id, [LoggedModelOutput(recorded.model_id, step=0)])


def _write_pipeline(pipeline: Pipeline, folder: Path, *, trusted: tuple[str, ...], **more: Any) -> None:
    """Write a model that MLflow's own loader of scikit-learn pipelines reads."""
    try:
        mlflow.sklearn.save_model(
            pipeline, str(folder), serialization_format="skops", skops_trusted_types=list(trusted), **more
        )
    except (MlflowException, OSError) as error:
        raise TrainingError(f"the model cannot be written to {folder}: {error}") from error


def _write_file(file: Path, folder: Path, **more: Any) -> None:
    """Write a model in a format that MLflow does not know: it is read by `perennial.models.pyfunc`."""
    try:
        mlflow.pyfunc.save_model(str(folder), loader_module=pyfunc.__name__, **more)
        shutil.move(file, folder / file.name)
    except (MlflowException, OSError) as error:
        raise TrainingError(f"the model cannot be written to {folder}: {error}") from error


def signature(inputs: pd.DataFrame, predicted: Any) -> ModelSignature:
    """Return MLflow's signature: the inputs and outputs of the model.

    A snapshot has four kinds of columns: 64-bit floats, 64-bit integers, text and timestamps in UTC. MLflow
    has no type for timestamps with a time zone, so they are not checked.
    """
    columns = [ColSpec(_mlflow_type(inputs[name].dtype), str(name)) for name in inputs.columns]
    return ModelSignature(Schema(columns), Schema([ColSpec(_mlflow_type(predicted.dtype))]))


def _mlflow_type(dtype: Any) -> Any:
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_integer_dtype(dtype):
        return "long"
    if pd.api.types.is_float_dtype(dtype):
        return "double"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return AnyType()
    return "string"
