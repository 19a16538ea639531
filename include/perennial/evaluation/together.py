"""Judges a candidate together with the champion's members: their joint predictions with and without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perennial.ensemble.composition import stay_members
from perennial.ensemble.mean import weighted_mean
from perennial.ensemble.records import JudgedEnsemble, JudgedMember
from perennial.ensemble.weights import performance_weights
from perennial.evaluation.mean_loss import mean_loss
from perennial.models.losses import row_losses
from perennial.models.predictions import Predictions

if TYPE_CHECKING:
    from perennial.evaluation.rival import Rival
    from perennial.models.manifest import Manifest, Member
    from perennial.registry.records import Champion

IDLE_FOR = timedelta(days=366)
"""A member without weight for longer is dropped: it was not useful in any season."""


@dataclass(frozen=True)
class Together:
    """The joint predictions of several models for n rows, with and without a candidate.

    Attributes
    ----------
    said, without : Predictions
        Predictions with and without the candidate, each with the weights from the twins' losses on these rows. So the
        champion is judged by the weights that it would have now, not by earlier ones.
    judged : JudgedEnsemble
        Members, weights and losses.
    notes : tuple of str
        What a reader of the figures should know.
    """

    said: Predictions
    without: Predictions
    judged: JudgedEnsemble
    notes: tuple[str, ...]


def judge_together(
    said: Predictions,
    manifest: Manifest,
    mlflow_run_id: str,
    *,
    champion: Champion,
    rival: Rival,
    rows: pd.DataFrame,
    at_most: int,
) -> Together | None:
    """Weigh the champion's members and a candidate on the candidate's holdout, by their twins.

    Parameters
    ----------
    said : Predictions
        The candidate's predictions for the rows.
    manifest : Manifest
        The candidate's manifest.
    mlflow_run_id : str
        The candidate's MLflow run.
    champion : Champion
    rival : Rival
        The champion with its members.
    rows : pandas.DataFrame
        The holdout, with the target.
    at_most : int
        Largest number of members that serve together, including the candidate.

    Returns
    -------
    Together or None
        None: no member of the champion can serve together with the candidate, which is then judged alone.
    """
    idle = {
        one.mlflow_run_id
        for one in champion.weights
        if one.idle_since and manifest.provenance.data_end - one.idle_since > IDLE_FOR
    }
    stay, dropped = stay_members(rival.members, manifest, at_most=at_most, idle=idle)
    if not stay:
        return None
    truth, times = rows[manifest.target], rows[manifest.split.event_time].to_numpy("datetime64[us]")
    answers = {**rival.answers(rows), mlflow_run_id: said}
    losses = {name: mean_loss(row_losses(one, truth), times).mean for name, one in answers.items()}
    with_it = [*(member.mlflow_run_id for member in stay), mlflow_run_id]
    without = [member.mlflow_run_id for member in rival.members]
    weights = performance_weights([losses[name] for name in with_it])
    together = weighted_mean([answers[name] for name in with_it], weights)
    return Together(
        said=together,
        without=weighted_mean(
            [answers[name] for name in without], performance_weights([losses[name] for name in without])
        ),
        judged=JudgedEnsemble(
            members=tuple(
                JudgedMember(mlflow_run_id=name, loss=losses[name], weight=float(weight))
                for name, weight in zip(with_it, weights, strict=True)
            ),
            loss=mean_loss(row_losses(together, truth), times),
        ),
        notes=(_sentence(stay, weights, champion), *dropped),
    )


def _sentence(stay: Sequence[Member], weights: np.ndarray, champion: Champion) -> str:
    members = "the model" if len(stay) == 1 else f"{len(stay)} models"
    return (
        f"the candidate is judged together with {members} of {champion.name}, each weighted by its loss on these rows; "
        f"the candidate has {weights[-1]:.0%} of the weight"
    )
