"""Explains a judged candidate within the time that the spec allows, and keeps what was found with the run's reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from perennial.data.snapshots.read import read_snapshot
from perennial.data.split import Split, apply_split
from perennial.data.weights import metric_weights
from perennial.evaluation.contributions import widest
from perennial.evaluation.judged import Judged
from perennial.evaluation.metrics import task_labels
from perennial.evaluation.rival import find_rival
from perennial.explanations.deadline import Deadline
from perennial.explanations.dependence import dependence_on
from perennial.explanations.drawings import draw_explanations
from perennial.explanations.feature_model import FeatureModel
from perennial.explanations.groups import correlated_groups
from perennial.explanations.not_explained import NotExplained, why
from perennial.explanations.permutation import Drop, Permuter, mean_drop, moved
from perennial.explanations.records import Dependence, Explanations, Importance, ShapImportance, Unseen
from perennial.explanations.sampled_shap import sampled_importances
from perennial.explanations.shap_values import shap_importances
from perennial.explanations.unseen import unseen_values
from perennial.layout import EXPLANATIONS
from perennial.models.formats.skops_format import SkopsModel
from perennial.printable import PrintableLog
from perennial.registry.bundles import load_candidate, recorded_manifest
from perennial.registry.tracking import Tracker
from perennial.store.sealed import seal

if TYPE_CHECKING:
    from perennial.data.snapshots.records import Snapshot
    from perennial.evaluation.records import Evaluation
    from perennial.models.candidate import Candidate
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec

log = PrintableLog(__name__)

MOST_ROWS = 5_000
TURNS = 3
"""Permutations of each group, if there is time."""
MOST_DEPENDENCES = 4
_DEPENDENCE_ROWS, _SHAP_ROWS = 500, 1_000
_MOST_NAMED = 10
ARTIFACT_FOLDER = "explanations"

Group = tuple[str, ...]
Some = TypeVar("Some")


def explain(run: RetrainingRun, snapshot: Snapshot, candidate: Candidate, evaluation: Evaluation) -> None:
    """Measure what the candidate relies on, beside the champion, if the spec asks for it.

    `explanations.json` and pictures go to the candidate's MLflow run and under the run's prefix in the store. Called again it
    measures the same as far as the time allows. Whatever fails here is said there, and does not fail the retraining.
    """
    asked = run.spec.evaluation.explain
    if asked is None:
        return
    # Explanations decide nothing, so they must not stop anything either, whatever the error.
    try:
        found = _explained(run, snapshot, candidate, evaluation, Deadline(asked.seconds))
    except Exception as error:
        log.warning("the explanations failed", exc_info=error)
        reason = f"everything: {why(error)}"
        found = Explanations(
            mlflow_run_id=candidate.mlflow_run_id, metric=run.spec.evaluation.primary, rows=0, left_out=(reason,)
        )
    for sentence in found.left_out:
        log.warning("not explained: %s", sentence)
    try:
        _keep(run, found)
    except Exception as error:
        log.warning("the explanations were not kept: %s", error, exc_info=error)


def _explained(
    run: RetrainingRun, snapshot: Snapshot, candidate: Candidate, evaluation: Evaluation, deadline: Deadline
) -> Explanations:
    spec = candidate.recipe(run.spec)
    left_out: list[str] = []
    bundle = load_candidate(run, candidate.mlflow_run_id)
    ours = FeatureModel(bundle.model, bundle.manifest)
    if evaluation.ensemble is not None:
        left_out.append("the champions that would serve together: explained is the candidate alone")
    if ours.by_columns and bundle.manifest.transform:
        left_out.append("features that the transform makes: explained are the columns that it reads")
    theirs, no_champion = _champion(run, snapshot, evaluation)
    left_out += no_champion
    split = _rows(run, snapshot, ours, theirs)
    rows = _sample(_unlearnt(split.holdout, evaluation, spec), MOST_ROWS, spec.model.seed)
    work = _Explaining(spec, rows, ours, theirs, deadline, left_out)
    importances = work.unless_it_fails("importances", work.importances) or ()
    unseen = work.unless_it_fails("values that are new in the held-out rows", partial(work.unseen, split)) or ()
    dependence = work.unless_it_fails("the dependence", partial(work.dependences, importances)) or ()
    shap, shap_of = work.unless_it_fails("SHAP values", work.shap) or ((), "")
    return Explanations(
        mlflow_run_id=candidate.mlflow_run_id,
        champion=evaluation.champion_is.version if evaluation.champion_is else None,
        metric=spec.evaluation.primary,
        rows=len(rows),
        importances=importances,
        unseen=unseen,
        dependence=dependence,
        shap=shap,
        shap_of=shap_of,
        left_out=tuple(left_out),
    )


@dataclass(frozen=True)
class _Explaining:
    """What is measured, one thing after the other, until the time is over."""

    spec: ModelSpec
    rows: pd.DataFrame
    ours: FeatureModel
    theirs: FeatureModel | None
    deadline: Deadline
    left_out: list[str] = field(default_factory=list)

    def unless_it_fails(self, what: str, measure: Callable[[], Some]) -> Some | None:
        """Return what is measured; None: it fails, which is said, and the rest goes on."""
        try:
            return measure()
        except Exception as error:
            log.warning("%s: the measurement failed", what, exc_info=error)
            self.left_out.append(f"{what}: {why(error)}")
            return None

    def importances(self) -> tuple[Importance, ...]:
        texts = [one.name for one in self.ours.manifest.features if one.kind == "text"]
        groups = correlated_groups(self.ours.features(self.rows), texts)
        half = Deadline(self.deadline.seconds / 2)
        candidate = self._drops(self.ours, groups, half, "the candidate")
        champion = {}
        if self.theirs is not None:
            measure = partial(self._drops, self.theirs, groups, half, "the champion")
            champion = self.unless_it_fails("importances for the champion", measure) or {}
        found = [_importance(group, candidate[group], champion.get(group)) for group in candidate]
        return tuple(sorted(found, key=lambda one: (-one.candidate.value, one.features)))

    def unseen(self, split: Split) -> tuple[Unseen, ...]:
        if self.deadline.is_over:
            self.left_out.append("values that are new in the held-out rows: the time was over")
            return ()
        kinds = {
            one.name: one.kind
            for one in self.ours.manifest.features
            if not self.ours.by_columns or one.made_by == "source"
        }
        return unseen_values(self.ours.features(split.train), self.ours.features(split.holdout), kinds)

    def dependences(self, importances: Sequence[Importance]) -> tuple[Dependence, ...]:
        features = self.ours.features(_sample(self.rows, _DEPENDENCE_ROWS, self.spec.model.seed))
        texts = {one.name for one in self.ours.manifest.features if one.kind == "text"}
        strongest = [name for one in importances for name in one.features if name not in texts][:MOST_DEPENDENCES]
        found = []
        for name in strongest:
            if self.deadline.is_over:
                missing = ", ".join(strongest[strongest.index(name) :])
                self.left_out.append(f"the dependence on {missing}: the time was over")
                break
            one = dependence_on(self.ours, features, name)
            if one is not None:
                found.append(one)
        return tuple(found)

    def shap(self) -> tuple[tuple[ShapImportance, ...], str]:
        """Return the sizes of SHAP values, and what the values add up to."""
        if self.deadline.is_over:
            self.left_out.append("SHAP values: the time was over")
            return (), ""
        features = self.ours.features(_sample(self.rows, _SHAP_ROWS, self.spec.model.seed))
        try:
            found, rows = shap_importances(self._pipeline(), features, self.deadline)
            return found, f"what the estimator adds up, such as log-odds ({rows:,} rows)"
        except NotExplained as error:
            self.left_out.append(f"SHAP values of the estimator: {why(error)}")
        try:
            found, rows = sampled_importances(self.ours, features, self.deadline, self.spec.model.seed)
        except NotExplained as error:
            self.left_out.append(f"SHAP values by sampling: {why(error)}")
            return (), ""
        unit = "the probability" if self.spec.task == "classification" else "the predicted number"
        return found, f"{unit}, by sampling ({rows:,} rows)"

    def _pipeline(self) -> Pipeline:
        model = self.ours.model
        if not isinstance(model, SkopsModel):
            raise NotExplained("the model is no single pipeline")
        return model.pipeline if self.ours.by_columns else model.pipeline[1:]

    def _drops(self, model: FeatureModel, groups: Sequence[Group], enough: Deadline, who: str) -> dict[Group, Drop]:
        """Return the mean drop of each group, by as many turns as there is time for; the first may take all of it."""
        features = model.features(self.rows)
        there = [group for group in groups if set(group) <= set(features.columns)]
        permuter = self._permuter(model, features)
        turns: dict[Group, list[Drop]] = {}
        for turn in range(TURNS):
            for group in there:
                if (enough if turn else self.deadline).is_over:
                    break
                turns.setdefault(group, []).append(permuter.drop(group, turn))
        missing = [", ".join(group) for group in there if group not in turns]
        if missing:
            more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
            named = "; ".join(missing[:_MOST_NAMED]) + more
            self.left_out.append(f"importances of {named} for {who}: the time was over")
        return {group: mean_drop(drops) for group, drops in turns.items()}

    def _permuter(self, model: FeatureModel, features: pd.DataFrame) -> Permuter:
        target = self.rows[self.spec.target.column]
        truth = target.to_numpy() if pd.api.types.is_numeric_dtype(target) else target.to_numpy(dtype=object)
        said = model.predict(features)
        labels = task_labels(truth, said) if self.spec.task == "classification" else None
        judged = Judged(self.rows, truth, (said,), labels, metric_weights(self.spec, self.rows))
        return Permuter(self.spec, model, features, judged, judged.blocks(self.spec))


def _importance(group: Group, ours: Drop, theirs: Drop | None) -> Importance:
    return Importance(
        features=group,
        candidate=widest(ours),
        champion=widest(theirs) if theirs is not None else None,
        moved=widest(moved(ours, theirs)) if theirs is not None else None,
    )


def _champion(
    run: RetrainingRun, snapshot: Snapshot, evaluation: Evaluation
) -> tuple[FeatureModel | None, tuple[str, ...]]:
    champion = evaluation.champion_is
    if champion is None:
        return None, ()
    rival = find_rival(run, champion, snapshot)
    if rival.model is None or champion.is_foreign:
        return None, (f"{champion.name}: {'; '.join(rival.notes) or 'Perennial did not train it'}",)
    return FeatureModel(rival.model, recorded_manifest(run, champion)), ()


def _rows(run: RetrainingRun, snapshot: Snapshot, ours: FeatureModel, theirs: FeatureModel | None) -> Split:
    plan, spec = ours.manifest.split, run.spec
    named = (spec.watch.drift.entity, spec.weight_column)
    columns = (
        plan.event_time,
        plan.target,
        *ours.model.inputs,
        *(theirs.model.inputs if theirs else ()),
        *(name for name in named if name in snapshot.schema_),
    )
    return apply_split(
        read_snapshot(run.store, snapshot, columns=list(dict.fromkeys(columns))), plan, ours.manifest.task
    )


def _unlearnt(rows: pd.DataFrame, evaluation: Evaluation, spec: ModelSpec) -> pd.DataFrame:
    """Return the rows that the champion has not learnt from either, if there are enough for a comparison."""
    champion = evaluation.champion_is
    if champion is None or champion.twin_train_end is None:
        return rows
    later = rows[rows[spec.source.event_time] > champion.twin_train_end]
    return later if len(later) >= spec.evaluation.gates.min_rows else rows


def _sample(rows: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    if len(rows) <= most:
        return rows.reset_index(drop=True)
    chosen = np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))
    return rows.iloc[chosen].reset_index(drop=True)


def _keep(run: RetrainingRun, found: Explanations) -> None:
    document = seal(found)
    run.store.write(run.prefix + EXPLANATIONS.name, document)
    with run.store.scratch() as folder:
        for name, content in (*draw_explanations(found).items(), (EXPLANATIONS.name, document)):
            (folder / name).write_bytes(content)
        Tracker(run.tracking_uri).log_folder(found.mlflow_run_id, folder, ARTIFACT_FOLDER)
