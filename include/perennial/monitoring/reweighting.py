"""Changes the weights of models that serve together, by their losses on a check's matured rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.ensemble.mean import weighted_mean
from perennial.ensemble.names import named
from perennial.ensemble.records import Reweighting, WeighedMember
from perennial.ensemble.weights import IDLE_WEIGHT, Weights, performance_weights, step_towards
from perennial.errors import ChampionUnusable
from perennial.evaluation.mean_loss import mean_loss
from perennial.models.losses import row_losses
from perennial.models.manifest import MeanLoss, Member
from perennial.models.predictions import Predictions
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.drift_tests.rows import as_datetime64
from perennial.monitoring.records import OpenCheck

FEWEST_ROWS = 100
"""With fewer matured rows the weights are not changed."""
LARGEST_STEP = 0.5
"""Largest share of all weight that one check may change, so that no check decides alone."""


def reweigh(reader: CheckReader, check: OpenCheck) -> Reweighting | None:
    """Weigh the members of a check's champion by their losses on the rows that have matured since the last check.

    Only rows after the newest one that any member has learnt from are used, so all members are judged on the same rows,
    and none on rows that it has learnt from.

    Returns
    -------
    Reweighting or None
        None: the champion is one model, cannot predict for these rows, or there are fewer than 100 of them.
    """
    champion = check.champion
    if champion is None or check.matured is None or not champion.weights:
        return None
    try:
        answers = reader.answers(champion, check.matured)
        together = reader.ensemble(champion)
        truth = reader.truth(champion, check.matured)
    except ChampionUnusable:
        return None  # the tests report it
    manifest = reader.manifest(champion)
    members = [member for member in manifest.members if member.mlflow_run_id in answers]
    if together is None or len(members) < 2:
        return None
    event_time = reader.rows(check.matured, [manifest.split.event_time])[manifest.split.event_time]
    times = event_time.to_numpy("datetime64[us]")
    unseen = times > as_datetime64(max(member.manifest.served.train_end for member in members))
    if unseen.sum() < FEWEST_ROWS:
        return None
    judged = _Judged(members, [answers[member.mlflow_run_id] for member in members], truth, times, unseen)
    before = np.array([together.weights[member.mlflow_run_id] for member in members])
    after = step_towards(before, performance_weights(judged.means()), LARGEST_STEP)
    return _moved(judged, before, after, check, manifest.expected_loss)


@dataclass(frozen=True)
class _Judged:
    """Predictions of the members for n rows; only rows that none of them has learnt from are used."""

    members: Sequence[Member]
    answers: Sequence[Predictions]
    truth: pd.Series
    times: npt.NDArray[np.datetime64]
    unseen: npt.NDArray[np.bool_]

    def means(self) -> list[float]:
        return [self.loss(answer).mean for answer in self.answers]

    def loss(self, answer: Predictions) -> MeanLoss:
        return mean_loss(row_losses(answer, self.truth)[self.unseen], self.times[self.unseen])

    def together(self, weights: Weights) -> MeanLoss:
        return self.loss(weighted_mean(self.answers, weights))


def _moved(
    judged: _Judged, before: Weights, after: Weights, check: OpenCheck, expected: MeanLoss | None
) -> Reweighting:
    champion = check.champion
    idle = {one.mlflow_run_id: one.idle_since for one in champion.weights} if champion else {}
    weighed = tuple(
        WeighedMember(
            mlflow_run_id=member.mlflow_run_id,
            served=member.manifest.served,
            loss=loss,
            before=float(old),
            weight=float(new),
            idle_since=(idle.get(member.mlflow_run_id) or check.as_of) if new < IDLE_WEIGHT else None,
        )
        for member, loss, old, new in zip(judged.members, judged.means(), before, after, strict=True)
    )
    loss_before, loss = judged.together(before), judged.together(after)
    within = _within_noise(loss, expected)
    return Reweighting(
        members=weighed,
        loss_before=loss_before,
        loss=loss,
        expected=expected,
        within_noise=within,
        sentence=_sentence(weighed, loss_before, loss, expected),
    )


def _within_noise(loss: MeanLoss, expected: MeanLoss | None) -> bool:
    """Tell whether a loss is at most two standard errors of the difference above the expected one; False if unknown."""
    if expected is None:
        return False
    noise = 2 * math.hypot(loss.standard_error, expected.standard_error)
    return loss.mean - expected.mean <= noise


def _sentence(members: Sequence[WeighedMember], before: MeanLoss, loss: MeanLoss, expected: MeanLoss | None) -> str:
    leading = _leading(members)
    rows = [one.served for one in members]
    dates = [named(one.served, rows, "%-d %B %Y") for one in leading]
    who = f"the model of {dates[0]}" if len(dates) == 1 else f"the models of {', '.join(dates[:-1])} and {dates[-1]}"
    carried, had = sum(one.weight for one in leading), sum(one.before for one in leading)
    carry = "carries" if len(dates) == 1 else "carry"
    promised = f"; {expected.mean:.4f} before the promotion" if expected else ""
    return (
        f"{who[0].upper()}{who[1:]} now {carry} {carried:.0%} of the weight, {had:.0%} before: on {loss.rows:,} "
        f"matured rows the mean loss would have been {loss.mean:.4f} instead of {before.mean:.4f}{promised}."
    )


def _leading(members: Sequence[WeighedMember]) -> list[WeighedMember]:
    """Return the smallest number of members that have more than half of the weight together, highest weight first."""
    ranked = sorted(members, key=lambda one: -one.weight)
    carried = np.cumsum([one.weight for one in ranked])
    return ranked[: int(np.searchsorted(carried, 0.5, side="right")) + 1]
