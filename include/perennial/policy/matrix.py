"""The matrix: the predictions of every model of a replay for every later batch. All policies are paths through it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.data.weights import metric_weights
from perennial.ensemble.mean import weighted_mean
from perennial.ensemble.weights import performance_weights
from perennial.errors import DataError
from perennial.evaluation.metrics import answered_rows
from perennial.evaluation.reweighted import reweighted
from perennial.evaluation.undefined import Undefined
from perennial.models.losses import row_losses
from perennial.models.predictions import Label, Predictions, distinct_labels, join_labels
from perennial.policy.history import History
from perennial.policy.replay import Replay
from perennial.policy.replayed_model import Answers, ReplayedModel, read_answers
from perennial.run import Run
from perennial.spec import ModelSpec


@dataclass(frozen=True)
class Together:
    """Models that serve together, and their weights; a single one has weight 1.

    Attributes
    ----------
    members : tuple of int
        Numbers of the models, ascending.
    weights : tuple of float
        Weight of each; their sum is 1.
    refit : bool
        True: the served models predict; False: those that were judged.
    """

    members: tuple[int, ...]
    weights: tuple[float, ...]
    refit: bool


@dataclass
class Matrix:
    """The models of a replay and their predictions for the matured rows.

    Attributes
    ----------
    spec : ModelSpec
    rows : pandas.DataFrame
        The matured rows, in the order of their event times.
    edges : array of shape (batches + 1,)
        Batch b, from 1 on, is `rows[edges[b - 1]:edges[b]]`.
    newest : array of shape (batches + 1, 2)
        For each batch end, the range of the rows whose labels matured since the end before it.
    models : sequence of ReplayedModel
        The models, by number.
    answers : sequence of pairs of Answers
        Predictions of the twin and of the served model, by number.
    """

    spec: ModelSpec
    rows: pd.DataFrame
    edges: npt.NDArray[np.intp]
    newest: npt.NDArray[np.intp]
    models: Sequence[ReplayedModel]
    answers: Sequence[tuple[Answers, Answers] | None]
    judgements: dict[Any, Any] = field(default_factory=dict, repr=False)
    """Judgements made so far, since several policies may judge the same candidate with the same champions."""
    _scores: dict[tuple[Together, int], float] = field(default_factory=dict, repr=False)
    _losses: dict[tuple[int, bool, int], float] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, run: Run, replay: Replay, history: History, models: Sequence[ReplayedModel]) -> Matrix:
        """Read the predictions of the models of a replay.

        Raises
        ------
        DataError
            No model could be trained where the period begins.
        Damaged
            The stored predictions are gone, or were changed.
        """
        if models[0].failed:
            raise DataError(f"no model can be trained where the period begins, at {replay.ends[0]}: {models[0].failed}")
        rows = history.matured()
        times = rows[run.spec.source.event_time]
        ends = pd.DatetimeIndex(replay.ends)
        ripe = times.searchsorted(ends - pd.Timedelta(days=run.spec.target.label_delay_days), side="right")
        return cls(
            spec=history.spec,
            rows=rows,
            edges=np.asarray(times.searchsorted(ends, side="right")),
            newest=np.column_stack([np.concatenate([[0], ripe[:-1]]), ripe]),
            models=models,
            answers=[None if model.failed else read_answers(run, model) for model in models],
        )

    @property
    def batches(self) -> int:
        """Number of batches that are scored."""
        return len(self.edges) - 1

    @cached_property
    def truth(self) -> npt.NDArray[Any]:
        """The true label or number of each row."""
        target = self.rows[self.spec.target.column]
        return target.to_numpy() if pd.api.types.is_numeric_dtype(target) else target.to_numpy(dtype=object)

    @cached_property
    def times(self) -> npt.NDArray[np.datetime64]:
        """Event times of the rows, UTC."""
        return self.rows[self.spec.source.event_time].to_numpy(dtype="datetime64[us]")

    @cached_property
    def weights(self) -> npt.NDArray[np.float64] | None:
        """How much each row counts in metrics; None: all count the same."""
        return metric_weights(self.spec, self.rows)

    @cached_property
    def labels(self) -> tuple[Label, ...] | None:
        """The task's labels; None: it is a regression."""
        if self.spec.task == "regression":
            return None
        return join_labels(distinct_labels(self.truth), *(model.classes for model in self.models))

    def batch(self, number: int) -> slice:
        """Return the rows of a batch, from 1 on."""
        return slice(int(self.edges[number - 1]), int(self.edges[number]))

    def predictions(self, together: Together, rows: slice) -> Predictions:
        """Return the joint predictions of models for some rows."""
        said = [self._answers(number, together.refit).of(rows) for number in together.members]
        return weighted_mean(said, together.weights)

    def score(self, together: Together, batch: int) -> float:
        """Return the primary metric of a batch; NaN if it is not defined."""
        if (together, batch) not in self._scores:
            rows = self.batch(batch)
            self._scores[together, batch] = self.measure(self.predictions(together, rows), rows)
        return self._scores[together, batch]

    def measure(self, said: Predictions, rows: slice, metric: str | None = None) -> float:
        """Return a metric of predictions, by default the primary one; NaN if it is not defined."""
        name = metric or self.spec.evaluation.primary
        try:
            weights = self.weights[rows] if self.weights is not None else None
            answered = answered_rows(self.spec, self.truth[rows], said, self.labels, weights)
            # Gives what scikit-learn's functions give, whose checks of their arguments take ten times as long.
            value = reweighted(name, answered, np.zeros(len(said.values), dtype=np.intp))
        except Undefined:
            return math.nan
        return float(value(np.ones((1, 1)))[0])

    def together(self, members: Sequence[int], end: int, *, refit: bool) -> Together:
        """Weigh models by their losses on the rows whose labels matured in the batch before a batch end.

        Rows that a model has learnt from do not count for it.
        """
        if len(members) == 1:
            return Together(tuple(members), (1.0,), refit)
        weights = performance_weights([self._loss(number, refit, end) for number in members])
        return Together(tuple(members), tuple(weights.tolist()), refit)

    def unseen(self, number: int, refit: bool) -> int:
        """Return the position of the first row after those that a model has learnt from."""
        model = self.models[number]
        return model.served_from if refit else model.twin_from

    def _loss(self, number: int, refit: bool, end: int) -> float:
        key = (number, refit, end)
        if key not in self._losses:
            start, stop = self.newest[end].tolist()
            if start < self.unseen(number, refit) or start == stop:
                self._losses[key] = float("nan")
            else:
                rows = slice(start, stop)
                said = self._answers(number, refit).of(rows)
                losses = row_losses(said, self.rows[self.spec.target.column].iloc[rows])
                self._losses[key] = float(np.nanmean(losses))
        return self._losses[key]

    def _answers(self, number: int, refit: bool) -> Answers:
        pair = self.answers[number]
        assert pair is not None  # noqa: S101 - a training that failed is never promoted
        return pair[1] if refit else pair[0]
