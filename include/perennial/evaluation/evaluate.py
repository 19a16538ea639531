"""Score candidate and champion on the same held-out rows, and keep the evidence where people look for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_classifier

from perennial.data.snapshots.read import read_snapshot
from perennial.data.snapshots.records import Snapshot
from perennial.data.split import split_by_time
from perennial.errors import TrackingError, TrackingUnavailable, TrainingError
from perennial.evaluation.classification import labelled_rows
from perennial.evaluation.confusion import confusion_table
from perennial.evaluation.metrics import score, task_labels
from perennial.evaluation.plots import draw
from perennial.evaluation.records import Evaluation
from perennial.layout import EVALUATION
from perennial.models.predictions import Label, Predictions, distinct_labels, predict
from perennial.models.skops_format import load_model
from perennial.printable import PrintableLog
from perennial.registry.champions import current_champion, download_model
from perennial.registry.records import Champion
from perennial.registry.tracking import Tracker
from perennial.store.protocol import KeyNotFound
from perennial.store.sealed import read_record, seal
from perennial.training.records import Candidate

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec

log = PrintableLog(__name__)

CANDIDATE = "candidate"
ARTIFACT_FOLDER = "evaluation"


def evaluate(run: RetrainingRun, snapshot: Snapshot, candidate: Candidate) -> Evaluation:
    """Score the candidate and the current champion on the rows that the candidate was not trained on.

    Metrics and plots go to the candidate's MLflow run, `evaluation.json` there and under the run's prefix in
    the store. Called again it measures the same and logs nothing twice; but if the champion has moved
    meanwhile, the candidate is held against the new one.

    Parameters
    ----------
    run : RetrainingRun
    snapshot : Snapshot
        The one that the candidate was trained from.
    candidate : Candidate

    Returns
    -------
    Evaluation
        Without scores of the champion where there is none, or where it cannot be scored on these rows; the notes
        then say why.

    Raises
    ------
    TrainingError
        A model cannot be loaded, the candidate fails to predict, or the holdout is not the one of its training.
    SpecError
        The labels are two, and `target.positive` does not name one of them.
    TrackingUnavailable
        MLflow does not answer.
    """
    champion = current_champion(run.tracking_uri, run.spec.name)
    if champion is not None and champion.mlflow_run_id == candidate.mlflow_run_id:
        judged = _evaluation_before_promotion(run, candidate)
        if judged is not None:
            return judged
    model = _load(run, CANDIDATE, candidate.model_uri)
    rival = _load_champion(run, champion, snapshot) if champion is not None else _Rival()
    rows = _held_out_rows(run, snapshot, candidate, more_columns=rival.columns)
    evidence = _measure(run.spec, rows, candidate, models=(model, rival), champion=champion)
    _keep(run, candidate, evidence)
    return evidence.evaluation


@dataclass(frozen=True)
class _Rival:
    """The champion's model, the columns that it reads, and why there is no model to score."""

    model: Pipeline | None = None
    columns: tuple[str, ...] = ()
    unscorable: str | None = None


@dataclass(frozen=True)
class _Evidence:
    """What the models said about the held-out rows, and what came of it."""

    evaluation: Evaluation
    truth: NDArray[Any]
    predictions: dict[str, Predictions]
    labels: tuple[Label, ...]


def _evaluation_before_promotion(run: RetrainingRun, candidate: Candidate) -> Evaluation | None:
    """Find what this candidate was promoted for: repeated after that, it would be held against itself."""
    advice = (
        "The candidate is champion already, by this evaluation: put the file back from a backup (docs/deploy.md) or, "
        f"unchanged, from {ARTIFACT_FOLDER}/ of MLflow run {candidate.mlflow_run_id}"
    )
    try:
        kept = read_record(run.store, run.prefix + EVALUATION.name, Evaluation, advice)
    except KeyNotFound:
        return None
    if kept.mlflow_run_id != candidate.mlflow_run_id:
        return None
    log.info("this candidate is the champion already: its evaluation of before stands")
    return kept


def _load(run: RetrainingRun, who: str, model_uri: str) -> Pipeline:
    with run.store.scratch() as folder:
        try:
            return load_model(download_model(run.tracking_uri, model_uri, folder), run.spec)
        except TrackingUnavailable:
            raise
        except (TrainingError, TrackingError) as error:
            raise TrainingError(f"the {who} ({model_uri}) cannot be loaded: {error}") from error


def _load_champion(run: RetrainingRun, champion: Champion, snapshot: Snapshot) -> _Rival:
    who = _named(champion)
    if champion.is_foreign:
        return _Rival(unscorable=f"{who} was not registered by Perennial, so its files are not loaded")
    model = _load(run, who, f"models:/{run.spec.name}/{champion.version}")
    if is_classifier(model) != (run.spec.task == "classification"):
        return _Rival(unscorable=f"{who} is a model for another task than {run.spec.task}")
    columns = tuple(str(name) for name in model.feature_names_in_)
    missing = [name for name in columns if name not in snapshot.schema_]
    if missing:
        return _Rival(unscorable=f"{who} reads columns that the snapshot lacks: {', '.join(missing)}")
    return _Rival(model, columns)


def _held_out_rows(
    run: RetrainingRun, snapshot: Snapshot, candidate: Candidate, *, more_columns: tuple[str, ...]
) -> pd.DataFrame:
    spec = run.spec
    columns = (spec.source.event_time, spec.target.column, *spec.features.input_columns, *more_columns)
    split = split_by_time(read_snapshot(run.store, snapshot, columns=list(dict.fromkeys(columns))), spec)
    rows = split.holdout
    start = rows[spec.source.event_time].min()
    if len(rows) != candidate.holdout_rows or start != candidate.holdout_start:
        raise TrainingError(
            f"the holdout has {len(rows):,} rows from {start}, but training kept out {candidate.holdout_rows:,} from "
            f"{candidate.holdout_start}: the spec or the snapshot was changed since. Repeat the run from 'train'."
        )
    return rows


def _measure(
    spec: ModelSpec,
    rows: pd.DataFrame,
    candidate: Candidate,
    *,
    models: tuple[Pipeline, _Rival],
    champion: Champion | None,
) -> _Evidence:
    model, rival = models
    truth = _truth(rows, spec)
    predictions = {CANDIDATE: _predict_candidate(model, rows, spec)}
    notes = [] if rival.unscorable is None else [rival.unscorable]
    if champion is not None and rival.model is not None:
        try:
            predictions[_named(champion)] = predict(rival.model, rows[list(rival.columns)])
            notes += _seen_by(champion, rows[spec.source.event_time])
        except (ValueError, TypeError) as error:
            # What scikit-learn raises where a column is of another type than in training.
            notes.append(f"{_named(champion)} fails on these rows: {error}")
    labels = task_labels(truth, predictions[CANDIDATE])
    scores = {name: score(spec, truth, said, labels=labels) for name, said in predictions.items()}
    evaluation = Evaluation(
        mlflow_run_id=candidate.mlflow_run_id,
        rows=len(rows),
        classes=tuple(map(str, distinct_labels(truth))) if spec.task == "classification" else (),
        candidate=scores[CANDIDATE],
        champion=scores.get(_named(champion)) if champion is not None else None,
        champion_is=champion,
        notes=tuple(notes),
    )
    return _Evidence(evaluation, truth, predictions, labels)


def _truth(rows: pd.DataFrame, spec: ModelSpec) -> NDArray[Any]:
    target = rows[spec.target.column]
    return target.to_numpy() if pd.api.types.is_numeric_dtype(target) else target.to_numpy(dtype=object)


def _predict_candidate(model: Pipeline, rows: pd.DataFrame, spec: ModelSpec) -> Predictions:
    try:
        return predict(model, rows[list(spec.features.input_columns)])
    except Exception as error:
        raise TrainingError(
            f"{spec.model.estimator} failed in predict on {len(rows):,} held-out rows: {type(error).__name__}: {error}"
        ) from error


def _seen_by(champion: Champion, times: pd.Series[pd.Timestamp]) -> list[str]:
    """Say how many of the held-out rows the champion may have been trained on."""
    if champion.train_end is None:
        return []
    seen = int((times <= champion.train_end).sum())
    if not seen:
        return []
    return [
        f"{_named(champion)} was trained on rows up to {champion.train_end.isoformat()}, among them up to {seen:,} "
        f"of the {len(times):,} held-out rows ({seen / len(times):.0%}), which favours it"
    ]


def _keep(run: RetrainingRun, candidate: Candidate, evidence: _Evidence) -> None:
    evaluation = evidence.evaluation
    document = seal(evaluation)
    tracker = Tracker(run.tracking_uri)
    with run.store.scratch() as folder:
        for name, content in (*_files(run.spec, evidence).items(), (EVALUATION.name, document)):
            (folder / name).write_bytes(content)
        tracker.log_folder(candidate.mlflow_run_id, folder, ARTIFACT_FOLDER)
    metrics = {f"holdout.{name}": value for name, value in evaluation.candidate.metrics.items()}
    if evaluation.champion is not None:
        metrics |= {f"champion.{name}": value for name, value in evaluation.champion.metrics.items()}
    tracker.log_metrics(candidate.mlflow_run_id, metrics)
    run.store.write(run.prefix + EVALUATION.name, document)
    for name, value in sorted(metrics.items()):
        log.info("%s = %.6g", name, value)
    for note in evaluation.notes:
        log.warning("%s", note)


def _files(spec: ModelSpec, evidence: _Evidence) -> dict[str, bytes]:
    files = draw(spec, evidence.truth, evidence.predictions, labels=evidence.labels)
    if spec.task == "classification" and len(evidence.truth):
        tables = {
            name: confusion_table(labelled_rows(spec, evidence.truth, said, evidence.labels))
            for name, said in evidence.predictions.items()
        }
        files["confusion.json"] = json.dumps(tables).encode()
    return files


def _named(champion: Champion) -> str:
    return f"champion v{champion.version}"
