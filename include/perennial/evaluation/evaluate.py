"""Scores candidate and champion on the same held-out rows, and keeps the results in MLflow and the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import NDArray

from perennial.data.snapshots.read import read_snapshot
from perennial.data.snapshots.records import Snapshot
from perennial.data.split import apply_split
from perennial.data.weights import metric_weights
from perennial.errors import TrainingError
from perennial.evaluation.champion_comparison import compare_with
from perennial.evaluation.classification import labelled_rows
from perennial.evaluation.fairness import measure_fairness
from perennial.evaluation.judged import Judged
from perennial.evaluation.metrics import score, task_labels
from perennial.evaluation.plots.confusion import confusion_table
from perennial.evaluation.plots.draw import draw
from perennial.evaluation.plots.fairness import draw_fairness
from perennial.evaluation.plots.slices import draw_slices
from perennial.evaluation.records import Evaluation, Slices, TakenBack
from perennial.evaluation.rival import Rival, find_rival
from perennial.evaluation.slices.measure import measure_slices
from perennial.evaluation.taken_back import find_taken_back
from perennial.evaluation.together import Together, judge_together
from perennial.layout import EVALUATION
from perennial.models.bundle import Bundle
from perennial.models.candidate import Candidate
from perennial.models.manifest import Manifest
from perennial.models.predictions import Label, Predictions, distinct_labels, identical
from perennial.printable import PrintableLog
from perennial.registry.bundles import load_candidate
from perennial.registry.champions import current_champion
from perennial.registry.records import Champion
from perennial.registry.tracking import Tracker
from perennial.store.protocol import KeyNotFound
from perennial.store.sealed import read_record, seal

if TYPE_CHECKING:
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec

log = PrintableLog(__name__)

CANDIDATE = "candidate"
ARTIFACT_FOLDER = "evaluation"


def evaluate(run: RetrainingRun, snapshot: Snapshot, candidate: Candidate) -> Evaluation:
    """Score the candidate, or those of all windows together, and the current champion on the held-out rows.

    Metrics and plots go to the candidate's MLflow run, `evaluation.json` there and under the run's prefix in
    the store. Called again it measures the same and logs nothing twice; if the champion has changed
    meanwhile, the candidate is compared with the new one.

    Parameters
    ----------
    run : RetrainingRun
    snapshot : Snapshot
        The snapshot that the candidate was trained from.
    candidate : Candidate

    Returns
    -------
    Evaluation
        Without the champion's scores if there is none, or if it cannot be scored on these rows; the notes then say
        why.

    Raises
    ------
    BundleChanged
        A model's files are not those that were trained.
    TrainingError
        The candidate cannot be loaded, or fails to predict.
    SpecError
        There are two labels, and `target.positive` does not name one of them.
    TrackingUnavailable
        MLflow does not answer.
    """
    champion = current_champion(run.store, run.tracking_uri, run.spec.name)
    if champion is not None and champion.mlflow_run_id == candidate.mlflow_run_id:
        judged = _evaluation_before_promotion(run, candidate)
        if judged is not None:
            return judged
    bundles = {one.mlflow_run_id: load_candidate(run, one.mlflow_run_id) for one in candidate.each}
    rival = find_rival(run, champion, snapshot) if champion is not None else Rival()
    entity = run.spec.watch.drift.entity
    named = (entity, run.spec.weight_column, *run.spec.evaluation.read)
    more = (*rival.inputs, *(name for name in named if name in snapshot.schema_))
    rows = _held_out_rows(run, snapshot, bundles[candidate.mlflow_run_id].manifest, more_columns=more)
    evidence = _measure(
        candidate.recipe(run.spec), rows, bundles, champion=champion, rival=rival, taken_back=find_taken_back(run)
    )
    _keep(run, candidate, evidence)
    return evidence.evaluation


@dataclass(frozen=True)
class _Evidence:
    """The models' predictions for the held-out rows, and the evaluation."""

    evaluation: Evaluation
    truth: NDArray[Any]
    predictions: dict[str, Predictions]
    labels: tuple[Label, ...]
    slices: Slices | None
    """All slices; the evaluation has the worst."""


def _evaluation_before_promotion(run: RetrainingRun, candidate: Candidate) -> Evaluation | None:
    """Return the evaluation by which the candidate was promoted; None: it is not the champion.

    Evaluated again after its promotion, a candidate would be compared with itself.
    """
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
    log.info("this candidate is the champion already: its earlier evaluation is used")
    return kept


def _held_out_rows(
    run: RetrainingRun, snapshot: Snapshot, manifest: Manifest, *, more_columns: tuple[str, ...]
) -> pd.DataFrame:
    plan = manifest.split
    columns = dict.fromkeys((plan.event_time, plan.target, *manifest.inputs, *more_columns))
    return apply_split(read_snapshot(run.store, snapshot, columns=list(columns)), plan, manifest.task).holdout


def _measure(
    spec: ModelSpec,
    rows: pd.DataFrame,
    bundles: Mapping[str, Bundle],
    *,
    champion: Champion | None,
    rival: Rival,
    taken_back: tuple[TakenBack, ...],
) -> _Evidence:
    truth = _truth(rows, spec)
    each = {name: _predict_candidate(bundle, rows, spec) for name, bundle in bundles.items()}
    mlflow_run_id, said = list(each.items())[-1]
    manifest, notes = bundles[mlflow_run_id].manifest, list(rival.notes)
    predictions = {CANDIDATE: said}
    try:
        together = _judge_together(spec, each, manifest, champion, rival, rows)
        if champion is not None and rival.model is not None:
            without = together.without if together else None
            predictions[champion.name] = rival.model.predict(rows) if without is None else without
    except (ValueError, TypeError) as error:
        if champion is None:
            raise
        # scikit-learn raises these if a column has another type than in training.
        notes.append(f"{champion.name} fails on these rows: {error}")
        together = _judge_together(spec, each, manifest, champion, Rival(), rows)
    if together is not None:
        said = predictions[CANDIDATE] = together.said
        notes += together.notes
    labels = task_labels(truth, said)
    weights = metric_weights(spec, rows)
    scores = {
        name: score(spec, truth, answers, labels=labels, weights=weights) for name, answers in predictions.items()
    }
    answers = predictions.get(champion.name) if champion is not None else None
    compared = None
    if champion is not None and answers is not None:
        compared = compare_with(champion, spec, rows, truth, said, answers, labels=labels)
        notes += compared.notes
    models = (said,) if answers is None else (said, answers)
    judged = Judged(rows, truth, models, labels, weights)
    judged = judged if compared is None else judged.at(compared.rows)
    asked = spec.evaluation.slices
    slices = measure_slices(spec, asked, judged) if asked is not None else None
    evaluation = Evaluation(
        mlflow_run_id=mlflow_run_id,
        rows=len(rows),
        classes=tuple(map(str, distinct_labels(truth))) if spec.task == "classification" else (),
        candidate=scores[CANDIDATE],
        champion=scores.get(champion.name) if champion is not None else None,
        comparison=compared.comparison if compared is not None else None,
        champion_is=champion,
        champion_provenance=rival.provenance,
        taken_back=taken_back,
        ensemble=together.judged if together else None,
        slices=slices.shortened() if slices is not None else None,
        fairness=measure_fairness(spec, spec.evaluation.fairness, judged) if spec.evaluation.fairness else (),
        same_predictions=champion is not None
        and answers is not None
        # Models with the same predictions still differ if one is refit and the other not.
        and champion.is_refit == spec.model.refit
        and identical(said, answers),
        notes=tuple(notes),
    )
    return _Evidence(evaluation, truth, predictions, labels, slices)


def _judge_together(
    spec: ModelSpec,
    candidates: Mapping[str, Predictions],
    manifest: Manifest,
    champion: Champion | None,
    rival: Rival,
    rows: pd.DataFrame,
) -> Together | None:
    if spec.model.ensemble is None:
        return None
    return judge_together(
        candidates,
        manifest,
        champion=champion,
        rival=rival,
        rows=rows,
        at_most=spec.model.ensemble.members,
    )


def _truth(rows: pd.DataFrame, spec: ModelSpec) -> NDArray[Any]:
    target = rows[spec.target.column]
    return target.to_numpy() if pd.api.types.is_numeric_dtype(target) else target.to_numpy(dtype=object)


def _predict_candidate(bundle: Bundle, rows: pd.DataFrame, spec: ModelSpec) -> Predictions:
    try:
        return bundle.predict(rows)
    except Exception as error:
        raise TrainingError(
            f"{spec.model.estimator} failed in predict on {len(rows):,} held-out rows: {type(error).__name__}: {error}"
        ) from error


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
    if evaluation.comparison is not None:
        figures = ("difference", "standard_error", "low", "high")
        metrics |= {f"comparison.{name}": getattr(evaluation.comparison, name) for name in figures}
    tracker.log_metrics(candidate.mlflow_run_id, metrics)
    run.store.write(run.prefix + EVALUATION.name, document)
    for name, value in sorted(metrics.items()):
        log.info("%s = %.6g", name, value)
    for note in evaluation.notes:
        log.warning("%s", note)


def _files(spec: ModelSpec, evidence: _Evidence) -> dict[str, bytes]:
    files = draw(spec, evidence.truth, evidence.predictions, labels=evidence.labels)
    files |= draw_fairness(evidence.evaluation.fairness)
    if evidence.slices is not None:
        files |= {"slices.json": evidence.slices.model_dump_json(indent=2).encode(), **draw_slices(evidence.slices)}
    if spec.task == "classification" and len(evidence.truth):
        tables = {
            name: confusion_table(labelled_rows(spec, evidence.truth, said, evidence.labels))
            for name, said in evidence.predictions.items()
        }
        files["confusion.json"] = json.dumps(tables).encode()
    return files
