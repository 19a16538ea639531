"""Fits a candidate's recipe again, after its verdict, on all labelled rows of the window, including the newest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from perennial.data.snapshots.records import Snapshot
from perennial.data.split import apply_split, labelled_rows
from perennial.data.weights import metric_weights
from perennial.errors import TrainingError
from perennial.models.bundle import Bundle, read_bundle
from perennial.models.candidate import Candidate
from perennial.models.formats.formats import format_of
from perennial.models.manifest import FittedRows
from perennial.models.provenance import Provenance
from perennial.models.recorded import RecordedBundle, find_bundle, find_refit, recorded_bundles
from perennial.models.refit import Refit
from perennial.printable import PrintableLog
from perennial.promotion.news import news
from perennial.promotion.records import Verdict
from perennial.registry.aliases import refuse_dry_run
from perennial.registry.bundles import fetch
from perennial.registry.logged_model import link_to_run, log_model
from perennial.registry.tracking import Tracker
from perennial.run_owner import confirm_owner
from perennial.training.checkpoints.checkpoints import Checkpoints, checkpoints_of
from perennial.training.continuation.champion import Continuation
from perennial.training.description import plain_labels, provenance_of, stated_thresholds
from perennial.training.fit import Fit, prepare_fit
from perennial.training.refit_bounds import why_unsound
from perennial.training.rows import read_rows

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from perennial.models.predictions import Predictions
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec

log = PrintableLog(__name__)

REFIT_TAG = "perennial.refit"


def refit(run: RetrainingRun, snapshot: Snapshot, candidate: Candidate, verdict: Verdict) -> Refit:
    """Fit and log the model that serves instead of a promoted candidate, or return the one that this run logged before.

    The bundle holds both: the candidate as the judged twin, and the refit. It is a second model of the candidate's
    MLflow run. What a killed attempt left is deleted and made again; once the bundle's record is in the store, it is
    final. With several windows, the candidate of each is refit on the rows of its window.

    Parameters
    ----------
    run : RetrainingRun
    snapshot : Snapshot
        The snapshot that the candidate was trained from.
    candidate : Candidate
    verdict : Verdict
        The verdict that promotes the candidate.

    Returns
    -------
    Refit
        Of the first window, with those of the others; with the candidate's own bundle where the refit fails or is not
        good enough (see `why_unsound`).

    Raises
    ------
    BundleChanged
        The candidate's files are not those that were trained.
    PromotionError
        The run is a dry run.
    TrainingError
        The candidate was rejected, the recipe or a library has changed since the candidate was trained, or the refit
        cannot be saved.
    RunTaken
        Another process has the run now.
    TrackingUnavailable
        MLflow does not answer.
    """
    refuse_dry_run(run, "refits")
    if verdict.consequence == "reject":
        raise TrainingError(f"the candidate was rejected, and only promoted candidates are refit: {verdict.sentence}")
    run = replace(run, spec=candidate.recipe(run.spec))
    tracker = Tracker(run.tracking_uri)
    frame = cache(lambda: read_rows(run, snapshot))
    *others, first = (_refit_one(run, tracker, snapshot, one, frame) for one in candidate.each)
    sentence = " ".join((first.sentence, *(one.sentence for one in others if one.discarded)))
    return first.model_copy(update={"others": tuple(others), "sentence": sentence})


def _refit_one(
    run: RetrainingRun, tracker: Tracker, snapshot: Snapshot, candidate: Candidate, frame: Callable[[], pd.DataFrame]
) -> Refit:
    recorded = find_refit(run.store, run.spec.name, candidate.mlflow_run_id)
    kept = {one.model_uri for one in recorded_bundles(run.store, run.spec.name, candidate.mlflow_run_id)}
    # The candidate's bundle names its rows, recipe and libraries, with which the refit is made.
    checkpoints = checkpoints_of(run, f"refit-{candidate.bundle_digest}")
    confirm_owner(run)
    tracker.discard_models(candidate.experiment_id, candidate.mlflow_run_id, keep=kept | {candidate.model_uri})
    if recorded is not None:
        link_to_run(tracker, recorded)
        log.info("the refit of this run exists already: %s", recorded.model_uri)
        made = _served(recorded)
    else:
        with run.store.scratch() as scratch:
            made = _Attempt(run, tracker, candidate, checkpoints, scratch).make(snapshot, frame())
    if checkpoints is not None:
        checkpoints.discard()
    return _told(tracker, made, candidate)


@dataclass(frozen=True)
class _Attempt:
    """One attempt at a refit, in its own scratch folder."""

    run: RetrainingRun
    tracker: Tracker
    candidate: Candidate
    checkpoints: Checkpoints | None
    scratch: Path

    def make(self, snapshot: Snapshot, frame: pd.DataFrame) -> Refit:
        run, spec, plan = self.run, self.run.spec, self.candidate.split
        provenance = self._same_recipe(snapshot)
        recorded, twin, twin_path = self._twin()
        rows = labelled_rows(frame, plan, spec.task)
        try:
            fit = self._prepared(rows)
            seconds = fit.run(self.checkpoints)
            answers = _checked_answers(spec, fit, twin, apply_split(frame, plan, spec.task).holdout)
        except TrainingError as why:
            return self._discarded(str(why))
        fitted = _fitted_rows(rows[plan.event_time])
        manifest = recorded.manifest.model_copy(
            update={
                "labels": answers.classes,
                "threshold": answers.threshold.at if answers.threshold else None,
                "thresholds": stated_thresholds(fit.model),
                "refit": fitted,
                "provenance": provenance.model_copy(
                    update={"train_end": fitted.train_end, "twin_train_end": plan.train_end}
                ),
            }
        )
        self.tracker.log_metrics(
            self.candidate.mlflow_run_id, {"refit_seconds": seconds, "refit_rows": float(fitted.rows)}
        )
        confirm_owner(run)
        logged = log_model(
            self.tracker,
            self.candidate.experiment_id,
            self.candidate.mlflow_run_id,
            fit.model,
            spec=spec,
            manifest=manifest,
            store=run.store,
            inputs=fit.rows[list(fit.model.inputs)],
            scratch=self.scratch,
            with_example=run.mlflow_takes_rows,
            twin=twin_path,
        )
        return _served(logged)

    def _prepared(self, rows: pd.DataFrame) -> Fit:
        base = self.candidate.provenance.base
        if base is None:
            return prepare_fit(self.run.spec, rows)
        return Continuation.of(self.run, base).fit_served(self.run.spec, rows)

    def _same_recipe(self, snapshot: Snapshot) -> Provenance:
        now = provenance_of(self.run, snapshot, self.candidate.split, self.candidate.provenance.base)
        changed = news(self.candidate.provenance, now)
        if changed:
            raise TrainingError(
                f"since the candidate was trained and judged, there is another {', another '.join(changed)}: the "
                "model that would serve is not the one that was judged. Clear the run from 'train' on"
            )
        return now

    def _twin(self) -> tuple[RecordedBundle, Bundle, Path]:
        """Return the candidate's record, its bundle, and the file of its model."""
        recorded = find_bundle(self.run.store, self.run.spec.name, self.candidate.mlflow_run_id)
        if recorded is None:
            raise TrainingError("the store has no record of the candidate: clear the run from 'train' on")
        folder = self.scratch / "twin"
        folder.mkdir()
        fetch(self.tracker, recorded.model_uri, recorded, folder)
        bundle = read_bundle(folder, recorded, "the candidate")
        return recorded, bundle, folder / format_of(bundle.model).file

    def _discarded(self, why: str) -> Refit:
        candidate, plan = self.candidate, self.candidate.split
        return Refit(
            model_uri=candidate.model_uri,
            bundle_digest=candidate.bundle_digest,
            provenance=candidate.provenance,
            served=FittedRows(rows=plan.train_rows, train_start=plan.train_start, train_end=plan.train_end),
            discarded=True,
            sentence=f"The refit was discarded, and the judged model serves: {why}.",
        )


def _checked_answers(spec: ModelSpec, fit: Fit, twin: Bundle, holdout: pd.DataFrame) -> Predictions:
    """Return the refit's predictions for its twin's holdout.

    Raises
    ------
    TrainingError
        It fails there, or is not good enough (see `why_unsound`).
    """
    try:
        answers = fit.model.predict(holdout)
    except Exception as error:
        raise TrainingError(f"{fit.name} failed in predict: {type(error).__name__}: {error}") from error
    plan = twin.manifest.split
    unsound = why_unsound(
        spec,
        plain_labels(holdout[plan.target]),
        answers,
        twin.predict(holdout),
        holdout[plan.event_time].to_numpy(),
        metric_weights(spec, holdout),
    )
    if unsound:
        raise TrainingError(unsound)
    return answers


def _fitted_rows(times: pd.Series[pd.Timestamp]) -> FittedRows:
    return FittedRows(
        rows=len(times), train_start=times.iloc[0].to_pydatetime(), train_end=times.iloc[-1].to_pydatetime()
    )


def _served(recorded: RecordedBundle) -> Refit:
    manifest = recorded.manifest
    served, twin, base = manifest.served, manifest.twin, manifest.provenance.base
    sentence = (
        f"After the verdict it was refit on all {served.rows:,} labelled rows, up to "
        f"{served.train_end:%Y-%m-%d %H:%M} UTC; the judged model had learnt from {twin.rows:,} of them, up to "
        f"{twin.train_end:%Y-%m-%d %H:%M} UTC."
    )
    if base is not None:
        sentence = (
            f"After the verdict the served model of {base.name} was continued on the labelled rows up to "
            f"{served.train_end:%Y-%m-%d %H:%M} UTC; the judged model had learnt up to {twin.train_end:%Y-%m-%d %H:%M} UTC."
        )
    return Refit(
        model_uri=recorded.model_uri,
        bundle_digest=recorded.digest,
        provenance=manifest.provenance,
        served=served,
        discarded=False,
        sentence=sentence,
    )


def _told(tracker: Tracker, made: Refit, candidate: Candidate) -> Refit:
    tracker.set_tags(candidate.mlflow_run_id, {REFIT_TAG: made.sentence})
    if made.discarded:
        log.warning("%s", made.sentence)
    else:
        log.info("%s", made.sentence)
    return made
