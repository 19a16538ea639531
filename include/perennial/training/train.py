"""Trains a candidate: fits the spec's model on all rows of a window but the holdout, and logs it to MLflow once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from perennial.data.folds import plan_folds
from perennial.data.snapshots.records import Snapshot
from perennial.data.split import apply_split, plan_splits
from perennial.digests import candidate_digest
from perennial.errors import BundleChanged, Interrupted, RunTaken, TrackingError, TrainingError
from perennial.layout import TUNING_PAGE
from perennial.models.boosted import Boosted
from perennial.models.candidate import Candidate
from perennial.models.environment import library_versions
from perennial.models.transformer import code_digest
from perennial.models.tuning import Tuning
from perennial.printable import PrintableLog
from perennial.registry.logged_model import log_model
from perennial.registry.tracking import Tracker
from perennial.run_owner import confirm_owner
from perennial.training.checkpoints.checkpoints import checkpoints_of
from perennial.training.continuation.champion import Continuation, in_words
from perennial.training.continuation.start import CONTINUES_TAG, RUN_TAG, Start, start_of
from perennial.training.cross_validation import cross_validate
from perennial.training.description import describe, provenance_of
from perennial.training.features.feature_cache import FeatureCache
from perennial.training.fit import Fit, prepare_fit
from perennial.training.imbalance.decision_evidence import log_decision
from perennial.training.logged_folds import log_cross_validation
from perennial.training.rows import read_rows

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from perennial.data.split_plan import SplitPlan
    from perennial.models.base import Base
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec, Window

log = PrintableLog(__name__)

CANDIDATE_TAG = "perennial.candidate"
CANDIDATE_RECORD_TAG = "perennial.candidate_record"


def train(run: RetrainingRun, snapshot: Snapshot, tuning: Tuning | None = None) -> Candidate:
    """Fit and log a candidate, or return the one that this run logged before.

    The same run, snapshot, window, recipe, transform and libraries make one finished MLflow run in experiment
    `perennial/<model>`, however often the step is killed and repeated: what a killed attempt left is deleted and made
    again. With several windows, each has a candidate and an MLflow run of its own; those that are finished are kept. If
    the spec has `cross_validation`, the run also has the scores on folds of the training rows.

    Parameters
    ----------
    run : RetrainingRun
    snapshot : Snapshot
        A snapshot in the run's store.
    tuning : Tuning or None
        The result of a search; None: the spec names one estimator.

    Returns
    -------
    Candidate
        The logged model of the first window, with those of the others.

    Raises
    ------
    DataError
        Nothing is left to train on in one of the windows, or its rows do not allow the spec's folds.
    TrainingError
        The model cannot be built, fitted, scored on folds or saved; too few rows, or a single class, to train on.
    RunTaken
        Another process has the run now, or the MLflow run was deleted meanwhile; in both cases, training again helps.
    TrackingUnavailable
        MLflow does not answer.
    """
    if tuning is not None:
        run = replace(run, spec=tuning.choice.applied(run.spec))
    training = _Training(run, snapshot, tuning, Tracker(run.tracking_uri))
    first, *others = (training.candidate(window) for window in run.windows)
    return first.model_copy(update={"others": tuple(others)})


@dataclass(frozen=True)
class _Training:
    """The training of a candidate for each window of a run; the rows are read once, if any candidate is missing."""

    run: RetrainingRun
    snapshot: Snapshot
    tuning: Tuning | None
    tracker: Tracker

    @cached_property
    def _experiment_id(self) -> str:
        return self.tracker.experiment_id(f"perennial/{self.run.spec.name}")

    @cached_property
    def _start(self) -> Start:
        return start_of(self.run, self.tracker, self._experiment_id)

    @cached_property
    def _rows(self) -> pd.DataFrame:
        return read_rows(self.run, self.snapshot)

    @cached_property
    def _plans(self) -> Mapping[Window, SplitPlan]:
        run = self.run
        return dict(zip(run.windows, plan_splits(self._rows, run.spec, run.windows, self.snapshot.as_of), strict=True))

    def candidate(self, window: Window) -> Candidate:
        """Return the window's finished candidate, or make it."""
        run, spec, tracker, experiment_id = self.run, self.run.spec, self.tracker, self._experiment_id
        key = _candidate_key(run, self.snapshot, window, self._start.base)
        checkpoints = checkpoints_of(run, key)
        done = _finished_candidate(tracker, experiment_id, run.run_id, key)
        if done is not None:
            log.info("the candidate of this run exists already: MLflow run %s", done.mlflow_run_id)
            if checkpoints is not None:
                checkpoints.discard()
            return done

        plan = self._plans[window]
        split = apply_split(self._rows, plan, spec.task)
        log.info(
            "%d rows to train on, %d held out, %d without a label",
            plan.train_rows,
            plan.holdout_rows,
            plan.unlabelled_rows,
        )
        fit, base, start = self._prepared(plan, split.train)
        if start:
            log.info("%s", start)
        folds = plan_folds(split.train, spec) if spec.cross_validation is not None else ()
        provenance = provenance_of(run, self.snapshot, plan, base)
        tags = {CANDIDATE_TAG: key, **provenance.to_tags(), **({CONTINUES_TAG: base.bundle_digest} if base else {})}

        confirm_owner(run)
        run_id = tracker.start_run(experiment_id, run.run_id, tags)
        if not run.mlflow_takes_rows:
            log.info(
                "region %s has no MLflow server of its own: the model goes there without example rows", spec.region
            )
        with _deletion_told(tracker, run_id), _failure_recorded(tracker, run_id):
            tracker.log_params(run_id, _params(spec, window, fit.model.pipeline))
            tracker.log_text(run_id, spec.model_dump_json(indent=2), "spec.json")
            if folds:
                found = cross_validate(spec, split.train, folds, cache=FeatureCache.of(spec))
                with run.store.scratch() as scratch:
                    log_cross_validation(tracker, run_id, folds, found, scratch)
            self._log_search(run_id)
            with tracker.system_metrics(run_id):
                seconds = fit.run(checkpoints)
            manifest = describe(
                spec, fit.model, snapshot=self.snapshot, plan=plan, provenance=provenance, holdout=split.holdout
            )
            with run.store.scratch() as scratch:
                recorded = log_model(
                    tracker,
                    experiment_id,
                    run_id,
                    fit.model,
                    spec=spec,
                    manifest=manifest,
                    store=run.store,
                    inputs=fit.rows[list(fit.model.inputs)],
                    scratch=scratch,
                    with_example=run.mlflow_takes_rows,
                )
                log_decision(tracker, run_id, spec, fit.model, split.holdout, scratch)
            tracker.log_metrics(
                run_id,
                {
                    "train_seconds": seconds,
                    "train_rows": plan.train_rows,
                    "holdout_rows": plan.holdout_rows,
                    "unlabelled_rows": plan.unlabelled_rows,
                },
            )
            candidate = Candidate(
                mlflow_run_id=run_id,
                experiment_id=experiment_id,
                model_uri=recorded.model_uri,
                bundle_digest=recorded.digest,
                split=plan,
                provenance=provenance,
                choice=None if self.tuning is None else self.tuning.choice,
                start=start,
            )
            tracker.set_tags(run_id, {CANDIDATE_RECORD_TAG: candidate.model_dump_json()})
        with _deletion_told(tracker, run_id):
            confirm_owner(run)
            # Last of all, since a retry uses a finished run as it is.
            tracker.finish_run(run_id)
        if checkpoints is not None:
            checkpoints.discard()
        log.info("candidate logged as MLflow run %s", run_id)
        return candidate

    def _prepared(self, plan: SplitPlan, rows: pd.DataFrame) -> tuple[Fit, Base | None, str]:
        """Return the fit, the champion that it continues, if any, and what it starts from in words."""
        run, spec, start = self.run, self.run.spec, self._start
        why = start.why_full
        if start.base is not None:
            try:
                continuation = Continuation.of(run, start.base)
                continuation.check(provenance_of(run, self.snapshot, plan), plan)
                fit = continuation.fit_twin(spec, rows)
                return fit, start.base, in_words(start.base, fit, continuation.twin_end)
            except BundleChanged:
                raise
            # Whatever else stands in the way, a full training does not need the champion.
            except TrainingError as error:
                why = str(error)
        return (
            prepare_fit(spec, rows, cache=FeatureCache.of(spec)),
            None,
            f"It was trained in full: {why}." if why else "",
        )

    def _log_search(self, run_id: str) -> None:
        found = self.tuning
        if found is None or not found.searched:
            return
        figures = {"score": found.score, "spread": found.spread, "trials": found.finished, "failed": found.failed}
        self.tracker.log_metrics(run_id, {f"search.{name}": value for name, value in figures.items()})
        page = self.run.store.read(self.run.prefix + TUNING_PAGE.name)
        self.tracker.log_text(run_id, page.decode(), f"search/{TUNING_PAGE.name}")


def _candidate_key(run: RetrainingRun, snapshot: Snapshot, window: Window, base: Base | None) -> str:
    return candidate_digest(
        run.spec,
        run_id=run.run_id,
        snapshot_digest=snapshot.digest,
        window=window,
        transform_digest=code_digest(run.spec.features),
        libraries=library_versions(*run.spec.fitting_code),
        base="" if base is None else base.bundle_digest,
    )


def _finished_candidate(tracker: Tracker, experiment_id: str, run_id: str, key: str) -> Candidate | None:
    """Return the candidate that this run made of the same inputs, and delete unfinished MLflow runs of killed attempts.

    Failed MLflow runs are kept, for people to read.
    """
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
    """Return the candidate of a finished MLflow run; None: its tag was changed, so training must be repeated."""
    try:
        return Candidate.model_validate_json(finished.data.tags.get(CANDIDATE_RECORD_TAG, ""))
    except ValueError:
        log.warning(
            "tag %s of MLflow run %s cannot be read: training a candidate again",
            CANDIDATE_RECORD_TAG,
            finished.info.run_id,
        )
        return None


@contextmanager
def _failure_recorded(tracker: Tracker, run_id: str) -> Iterator[None]:
    try:
        yield
    except Interrupted:
        # A retry deletes the unfinished MLflow run, and makes it again.
        raise
    except Exception:
        try:
            tracker.finish_run(run_id, failed=True)
        except TrackingError as error:
            # The first error is the one to report.
            log.warning("MLflow run %s could not be marked as failed: %s", run_id, error)
        raise


@contextmanager
def _deletion_told(tracker: Tracker, run_id: str) -> Iterator[None]:
    """Turn errors inside the block into RunTaken if the MLflow run was deleted: another attempt can then succeed."""
    try:
        yield
    except TrackingError as error:
        if error.retryable or not tracker.is_gone(run_id):
            raise
        raise RunTaken(
            f"MLflow run {run_id} was deleted while this process was training for it, by a person or by another "
            f"process that does the same run: training again makes another. What failed is: {error}"
        ) from error


def _params(spec: ModelSpec, window: Window, pipeline: Pipeline) -> dict[str, object]:
    estimator = pipeline.named_steps["estimator"]
    settings = (estimator.estimator if isinstance(estimator, Boosted) else estimator).get_params(deep=False)
    return {"estimator": spec.model.estimator, "seed": spec.model.seed, "window": window.in_words, **settings}
