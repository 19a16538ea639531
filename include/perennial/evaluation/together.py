"""Judges candidates together with the champion's members: their joint predictions with and without the candidates."""

from __future__ import annotations

from collections.abc import Mapping
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
    from perennial.models.manifest import Manifest
    from perennial.registry.records import Champion

IDLE_FOR = timedelta(days=366)
"""A member without weight for longer is dropped: it was not useful in any season."""


@dataclass(frozen=True)
class Together:
    """The joint predictions of several models for n rows, with and without the candidates.

    Attributes
    ----------
    said, without : Predictions
        Predictions with and without the candidates, each with the weights from the twins' losses on these rows. So the
        champion is judged by the weights that it would have now, not by earlier ones. `without` is None if the champion
        has no members.
    judged : JudgedEnsemble
        Members, weights and losses.
    notes : tuple of str
        What a reader of the figures should know.
    """

    said: Predictions
    without: Predictions | None
    judged: JudgedEnsemble
    notes: tuple[str, ...]


def judge_together(
    candidates: Mapping[str, Predictions],
    manifest: Manifest,
    *,
    champion: Champion | None,
    rival: Rival,
    rows: pd.DataFrame,
    at_most: int,
) -> Together | None:
    """Weigh the champion's members and the candidates of a run on their holdout, by their twins.

    Parameters
    ----------
    candidates : mapping of str to Predictions
        MLflow run of the candidate of each window -> its predictions for the rows; the newest member comes last.
    manifest : Manifest
        The last candidate's manifest.
    champion : Champion or None
    rival : Rival
        The champion with its members.
    rows : pandas.DataFrame
        The holdout, with the target.
    at_most : int
        Largest number of members that serve together, including the candidates.

    Returns
    -------
    Together or None
        None: there is one candidate, and no member of the champion can serve together with it: it is judged alone.
    """
    idle = {
        one.mlflow_run_id
        for one in (champion.weights if champion else ())
        if one.idle_since and manifest.provenance.data_end - one.idle_since > IDLE_FOR
    }
    stay, dropped = stay_members(rival.members, manifest, room=at_most - len(candidates), idle=idle)
    if len(stay) + len(candidates) == 1:
        return None
    truth, times = rows[manifest.target], rows[manifest.split.event_time].to_numpy("datetime64[us]")
    answers = {**rival.answers(rows), **candidates}
    losses = {name: mean_loss(row_losses(one, truth), times).mean for name, one in answers.items()}
    with_them = [*(member.mlflow_run_id for member in stay), *candidates]
    without = [member.mlflow_run_id for member in rival.members]
    weights = performance_weights([losses[name] for name in with_them])
    together = weighted_mean([answers[name] for name in with_them], weights)
    return Together(
        said=together,
        without=weighted_mean(
            [answers[name] for name in without], performance_weights([losses[name] for name in without])
        )
        if without
        else None,
        judged=JudgedEnsemble(
            members=tuple(
                JudgedMember(mlflow_run_id=name, loss=losses[name], weight=float(weight))
                for name, weight in zip(with_them, weights, strict=True)
            ),
            loss=mean_loss(row_losses(together, truth), times),
        ),
        notes=(_sentence(weights, len(candidates), champion), *dropped),
    )


def _sentence(weights: np.ndarray, candidates: int, champion: Champion | None) -> str:
    stay = len(weights) - candidates
    members = "the model" if stay == 1 else f"{stay} models"
    others = f" together with {members} of {champion.name}" if champion and stay else ""
    who = "the candidate is" if candidates == 1 else f"{candidates} models, one for each window, are"
    it = "the candidate has" if candidates == 1 else "they have" if stay else ""
    share = f"; {it} {weights[-candidates:].sum():.0%} of the weight" if it else ""
    return f"{who} judged{others}, each weighted by its loss on these rows{share}"
