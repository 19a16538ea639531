"""One model of a replay: trained as in production, at a moment in the past, with its predictions for all later rows."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.data.split import apply_split, plan_split
from perennial.data.split_plan import SplitPlan
from perennial.data.window import within
from perennial.errors import DataError, TrainingError
from perennial.layout import REPLAYED_MODEL
from perennial.models.predictions import Label, Predictions, Threshold, as_array, positions
from perennial.policy.history import History
from perennial.policy.replay import Replay
from perennial.record import Record
from perennial.run import Run
from perennial.spec import ModelSpec
from perennial.store.content import content_file, content_name
from perennial.store.damage import Damaged
from perennial.store.disk import disk_errors
from perennial.store.protocol import KeyNotFound
from perennial.store.sealed import read_record, seal
from perennial.training.fit import prepare_fit

_ADVICE = "It is derived from the source: run the backtest again"
_VALUES, _PROBABILITIES, _DECISIONS, _THRESHOLD = "values", "probabilities", "decisions", "threshold"


class ReplayedModel(Record):
    """The result of the training at one moment."""

    number: int
    """Number of the batch after which it was trained; 0: at the beginning of the period."""
    failed: str = ""
    """Why the training gave no model; empty if it did."""
    split: SplitPlan | None = None
    classes: tuple[Label, ...] = ()
    """The labels that the twin and the served model know; these may differ, since they learn from different rows."""
    served_classes: tuple[Label, ...] = ()
    answers: str = ""
    """Store key of the predictions of both."""
    twin_from: int = 0
    """Position among the matured rows of the first one that the twin has not learnt from."""
    served_from: int = 0
    """The same for the served model."""
    twin_seconds: float = 0.0
    """CPU seconds of the judged model's training."""
    refit_seconds: float = 0.0


@dataclass(frozen=True)
class Answers:
    """One model's predictions for the matured rows from a position on.

    Attributes
    ----------
    start : int
        Position of the first row.
    said : Predictions
        The predictions from there on.
    """

    start: int
    said: Predictions

    def of(self, rows: slice) -> Predictions:
        """Return the predictions for some rows, by their positions among the matured ones.

        Raises
        ------
        IndexError
            The model has learnt from some of them.
        """
        if rows.start < self.start:
            raise IndexError(f"predictions begin at row {self.start}, and row {rows.start} is asked for")
        part = slice(rows.start - self.start, rows.stop - self.start)
        return replace(
            self.said,
            values=self.said.values[part],
            probabilities=None if self.said.probabilities is None else self.said.probabilities[part].astype(np.float64),
            decisions=None if self.said.decisions is None else self.said.decisions[part].astype(np.float64),
        )


def replay_training(run: Run, replay: Replay, history: History, number: int) -> ReplayedModel:
    """Train the model of one batch end, or return the one that was trained before.

    Twin and served model are made as by a retraining at that moment: from the spec's window, with the labels that had
    matured. Both predict for all later rows.

    Parameters
    ----------
    run : Run
    replay : Replay
    history : History
        The replay's rows.
    number : int
        Number of the batch, from 0 on.
    """
    kept = find_model(run, replay, number)
    if kept is not None:
        return kept
    try:
        model = _trained(run, replay, history, number)
    except (TrainingError, DataError) as error:
        model = ReplayedModel(number=number, failed=str(error))
    run.store.write(REPLAYED_MODEL.key(run.spec.name, replay.digest, number), seal(model))
    return model


def find_model(run: Run, replay: Replay, number: int) -> ReplayedModel | None:
    """Return a model that was trained before; None: it was not, or its files are damaged."""
    try:
        model = read_record(run.store, REPLAYED_MODEL.key(run.spec.name, replay.digest, number), ReplayedModel, _ADVICE)
        if not model.failed:
            with content_file(run.store, model.answers, _ADVICE):
                pass
    except (KeyNotFound, Damaged):
        return None
    return model


def read_answers(run: Run, model: ReplayedModel) -> tuple[Answers, Answers]:
    """Return the predictions of the twin and of the served model.

    Raises
    ------
    Damaged
        The file is gone, or was changed.
    """
    with content_file(run.store, model.answers, _ADVICE) as path, disk_errors(path), np.load(path) as kept:
        twin = _unpacked(kept, "twin", model.classes)
        served = _unpacked(kept, "served", model.served_classes)
    return Answers(model.twin_from, twin), Answers(model.served_from, served)


def _trained(run: Run, replay: Replay, history: History, number: int) -> ReplayedModel:
    spec, end = history.spec, replay.ends[number]
    if replay.choice is not None:
        spec = replay.choice.applied(spec)
    rows = in_window(history.known_at(end), spec, end)
    plan = plan_split(rows, spec)
    split = apply_split(rows, plan, spec.task)
    matured = history.matured()
    times = matured[spec.source.event_time]
    twin, twin_seconds = _fitted(spec, split.train)
    served, refit_seconds = _fitted(spec, labelled(rows, plan, spec))
    twin_from = int(times.searchsorted(pd.Timestamp(plan.holdout_start)))
    served_from = int(times.searchsorted(pd.Timestamp(plan.holdout_end), side="right"))
    said, served_said = twin.predict(matured.iloc[twin_from:]), served.predict(matured.iloc[served_from:])
    with run.store.scratch() as scratch:
        path = scratch / "answers.npz"
        with disk_errors(path):
            np.savez(path, allow_pickle=False, **_packed("twin", said), **_packed("served", served_said))
        key = REPLAYED_MODEL.folder(spec.name, replay.digest) + content_name(path, str(number))
        run.store.put_file(key, path)
    return ReplayedModel(
        number=number,
        split=plan,
        classes=said.classes,
        served_classes=served_said.classes,
        answers=key,
        twin_from=twin_from,
        served_from=served_from,
        twin_seconds=twin_seconds,
        refit_seconds=refit_seconds,
    )


def labelled(rows: pd.DataFrame, plan: SplitPlan, spec: ModelSpec) -> pd.DataFrame:
    """Return all labelled rows of a window, from which the served model learns."""
    return apply_split(rows, plan.model_copy(update={"train_end": plan.holdout_end}), spec.task).train


def in_window(rows: pd.DataFrame, spec: ModelSpec, end: datetime) -> pd.DataFrame:
    """Return the rows of the spec's window, or of the first of several, that ends at a moment."""
    return within(rows, spec.source.windows[0], spec.source.event_time, end).reset_index(drop=True)


def _fitted(spec: ModelSpec, rows: pd.DataFrame) -> tuple[Any, float]:
    began = time.process_time()
    fit = prepare_fit(spec, rows)
    fit.run()
    return fit.model, time.process_time() - began


def _packed(name: str, said: Predictions) -> dict[str, npt.NDArray[Any]]:
    if not said.classes:
        return {f"{name}_{_VALUES}": said.values.astype(np.float64)}
    arrays: dict[str, npt.NDArray[Any]] = {f"{name}_{_VALUES}": positions(said.values, said.classes).astype(np.int16)}
    for kind, scores in ((_PROBABILITIES, said.probabilities), (_DECISIONS, said.decisions)):
        if scores is not None:
            arrays[f"{name}_{kind}"] = scores.astype(np.float32)
    if said.threshold is not None:
        place = said.classes.index(said.threshold.label)
        arrays[f"{name}_{_THRESHOLD}"] = np.array([place, said.threshold.at])
    return arrays


def _unpacked(kept: Any, name: str, classes: tuple[Label, ...]) -> Predictions:
    values = kept[f"{name}_{_VALUES}"]
    if not classes:
        return Predictions(values)
    scores = {kind: kept[f"{name}_{kind}"] for kind in (_PROBABILITIES, _DECISIONS) if f"{name}_{kind}" in kept}
    threshold = None
    if f"{name}_{_THRESHOLD}" in kept:
        place, at = kept[f"{name}_{_THRESHOLD}"].tolist()
        threshold = Threshold(classes[int(place)], at)
    return Predictions(as_array(classes)[values], classes, **scores, threshold=threshold)
