"""Train a candidate: fit the spec's model on all but the holdout, and log it to MLflow once."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from perennial.data.snapshots.read import read_snapshot
from perennial.data.snapshots.records import Snapshot
from perennial.data.split import Split, split_by_time
from perennial.data.values.columns import LARGEST_NUMBER
from perennial.errors import RunTaken, TrackingError, TrainingError
from perennial.models.transform import features_of
from perennial.printable import PrintableLog
from perennial.registry.logged_model import log_model
from perennial.registry.provenance import code_version, library_versions, system_description
from perennial.registry.tracking import Tracker
from perennial.run_owner import confirm_owner
from perennial.training.feature_values import odd_values
from perennial.training.labels import training_labels
from perennial.training.pipeline import build_pipeline
from perennial.training.records import Candidate

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec

log = PrintableLog(__name__)

CANDIDATE_TAG = "perennial.candidate"
OUTCOME_TAG = "perennial.outcome"
RUN_TAG = "perennial.run_id"


def train(run: RetrainingRun, snapshot: Snapshot) -> Candidate:
    """Fit and log a candidate, or return the one that this run logged before.

    The same run, snapshot, spec and code make one finished MLflow run in experiment `perennial/<model>`, however
    often the step is killed and repeated: what a killed one left is deleted and begun afresh.

    Parameters
    ----------
    run : RetrainingRun
    snapshot : Snapshot
        In the run's store.

    Returns
    -------
    Candidate

    Raises
    ------
    TrainingError
        The model cannot be built, fitted or saved; too few rows, or a single class, to train on.
    RunTaken
        Another process has the run now, or the MLflow run was deleted meanwhile: training again helps.
    TrackingUnavailable
        MLflow does not answer.
    """
    tracker = Tracker(run.tracking_uri)
    experiment_id = tracker.experiment_id(f"perennial/{run.spec.name}")
    key = _candidate_key(run, snapshot)
    done = _finished_candidate(tracker, experiment_id, run.run_id, key)
    if done is not None:
        log.info("candidate of this run is there already: MLflow run %s", done.mlflow_run_id)
        return done

    spec = run.spec
    pipeline = build_pipeline(spec)
    split = split_by_time(_read_rows(run, snapshot), spec)
    log.info(
        "%d rows to train on, %d held out, %d without a label",
        len(split.train), len(split.holdout), split.unlabelled_rows,
    )  # fmt: skip
    inputs = split.train[list(spec.features.input_columns)]
    labels = training_labels(split.train, spec)
    _check_features(spec, inputs)

    confirm_owner(run)
    run_id = tracker.start_run(experiment_id, run.run_id, {CANDIDATE_TAG: key, **_tags(run, snapshot, split)})
    if not run.mlflow_takes_rows:
        log.info("region %s has no MLflow server of its own: the model goes there without example rows", spec.region)
    with _deletion_told(tracker, run_id), _failure_recorded(tracker, run_id):
        tracker.log_params(run_id, _params(spec, pipeline))
        tracker.log_text(run_id, spec.model_dump_json(indent=2), "spec.json")
        with tracker.system_metrics(run_id):
            seconds = _fit(pipeline, inputs, labels, spec)
        with run.store.scratch() as scratch:
            model_uri = log_model(
                tracker,
                experiment_id,
                run_id,
                pipeline,
                spec=spec,
                inputs=inputs,
                scratch=scratch,
                with_example=run.mlflow_takes_rows,
            )
        tracker.log_metrics(
            run_id,
            {
                "train_seconds": seconds,
                "train_rows": len(split.train),
                "holdout_rows": len(split.holdout),
                "unlabelled_rows": split.unlabelled_rows,
            },
        )
        candidate = _candidate(run, snapshot, split, ids=(run_id, experiment_id, model_uri))
        tracker.set_tags(run_id, {OUTCOME_TAG: candidate.model_dump_json()})
    with _deletion_told(tracker, run_id):
        confirm_owner(run)
        # Last of all: a finished run is one that a retry may take as it is.
        tracker.finish_run(run_id)
    log.info("candidate logged as MLflow run %s", run_id)
    return candidate


def _candidate_key(run: RetrainingRun, snapshot: Snapshot) -> str:
    parts = (run.run_id, snapshot.digest, run.spec.digest(), code_version())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _finished_candidate(tracker: Tracker, experiment_id: str, run_id: str, key: str) -> Candidate | None:
    """Return what this run made of the same inputs; delete what its killed attempts left. Failed ones stay, to be read."""
    done = None
    for earlier in tracker.find_runs(experiment_id, RUN_TAG, run_id):
        tags, status = earlier.data.tags, earlier.info.status
        if status == "FINISHED" and tags.get(CANDIDATE_TAG) == key:
            done = done or _kept_candidate(earlier)
        elif status not in ("FINISHED", "FAILED"):
            log.info("deleting the unfinished MLflow run %s of an earlier attempt", earlier.info.run_id)
            tracker.discard_run(experiment_id, earlier.info.run_id)
    return done


def _kept_candidate(finished: Any) -> Candidate | None:
    """Return what a finished MLflow run says of its candidate; None: its tag was changed, so that it is trained again."""
    try:
        return Candidate.model_validate_json(finished.data.tags.get(OUTCOME_TAG, ""))
    except ValueError:
        log.warning(
            "tag %s of MLflow run %s cannot be read: a candidate is trained again", OUTCOME_TAG, finished.info.run_id
        )
        return None


def _read_rows(run: RetrainingRun, snapshot: Snapshot) -> pd.DataFrame:
    spec = run.spec
    columns = dict.fromkeys((spec.source.event_time, spec.target.column, *spec.features.input_columns))
    return read_snapshot(run.store, snapshot, columns=list(columns))


def _check_features(spec: ModelSpec, inputs: pd.DataFrame) -> None:
    """Name the features that hold nothing, and tell what counts as missing."""
    for name, odd in odd_values(spec, features_of(spec, inputs)).items():
        if odd.missing or odd.infinite:
            log.info("feature %s: %d values missing, %d infinite and taken as missing", name, odd.missing, odd.infinite)
        if odd.too_large:
            log.warning("feature %s: %d values beyond %.2g are taken as that", name, odd.too_large, LARGEST_NUMBER)


def _fit(pipeline: Pipeline, inputs: pd.DataFrame, labels: np.ndarray[Any, Any], spec: ModelSpec) -> float:
    """Fit in place; return the seconds that it took."""
    log.info("fitting %s on %d rows x %d columns", spec.model.estimator, *inputs.shape)
    started = time.monotonic()
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            pipeline.fit(inputs, labels)
    except Exception as error:
        raise TrainingError(
            f"{spec.model.estimator} failed in fit on {len(labels)} rows: {type(error).__name__}: {error}"
        ) from error
    seconds = time.monotonic() - started
    for message in dict.fromkeys(str(warning.message) for warning in said):
        log.warning("%s: %s", spec.model.estimator, message)
    log.info("fitted in %.1f s", seconds)
    return seconds


@contextmanager
def _failure_recorded(tracker: Tracker, run_id: str) -> Iterator[None]:
    try:
        yield
    except Exception:
        try:
            tracker.finish_run(run_id, failed=True)
        except TrackingError as error:
            # The first error is the one to tell.
            log.warning("MLflow run %s could not be marked as failed: %s", run_id, error)
        raise


@contextmanager
def _deletion_told(tracker: Tracker, run_id: str) -> Iterator[None]:
    """Make of whatever fails because someone deleted the run an error that trying again can help."""
    try:
        yield
    except TrackingError as error:
        if error.retryable or not tracker.is_gone(run_id):
            raise
        raise RunTaken(
            f"MLflow run {run_id} was deleted while this process was training for it, by a person or by another "
            f"process that does the same run: training again makes another. What failed is: {error}"
        ) from error


def _tags(run: RetrainingRun, snapshot: Snapshot, split: Split) -> dict[str, str]:
    return {
        "perennial.snapshot": snapshot.digest,
        "perennial.spec": run.spec.digest(),
        "perennial.code_version": code_version(),
        RUN_TAG: run.run_id,
        "perennial.triggered_by": run.triggered_by,
        "perennial.reason": run.reason,
        "perennial.train_end": _times(split.train, run.spec).max().isoformat(),
        "perennial.data_end": snapshot.end.isoformat(),
        "perennial.libraries": ", ".join(f"{name} {version}" for name, version in library_versions().items()),
        "perennial.system": system_description(),
    }


def _params(spec: ModelSpec, pipeline: Pipeline) -> dict[str, object]:
    settings = pipeline.named_steps["estimator"].get_params(deep=False)
    return {"estimator": spec.model.estimator, "seed": spec.model.seed, **settings}


def _candidate(run: RetrainingRun, snapshot: Snapshot, split: Split, *, ids: tuple[str, str, str]) -> Candidate:
    run_id, experiment_id, model_uri = ids
    trained, held_out = _times(split.train, run.spec), _times(split.holdout, run.spec)
    return Candidate(
        mlflow_run_id=run_id,
        experiment_id=experiment_id,
        model_uri=model_uri,
        snapshot_digest=snapshot.digest,
        spec_digest=run.spec.digest(),
        code_version=code_version(),
        train_rows=len(split.train),
        train_start=trained.min(),
        train_end=trained.max(),
        holdout_rows=len(split.holdout),
        holdout_start=held_out.min(),
        holdout_end=held_out.max(),
        unlabelled_rows=split.unlabelled_rows,
    )


def _times(rows: pd.DataFrame, spec: ModelSpec) -> pd.Series[pd.Timestamp]:
    return rows[spec.source.event_time]
