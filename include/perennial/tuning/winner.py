"""Which trial of a search has won, and why."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial, TrialState

from perennial.digests import space_digest
from perennial.errors import TrainingError
from perennial.models.tuning import Choice, Tuning
from perennial.spec.metrics import LOWER_IS_BETTER
from perennial.tuning.trial_queue import ORIGIN, REASON
from perennial.tuning.trials import CHOICE, FOLDS, SPREAD

if TYPE_CHECKING:
    from datetime import datetime

    from perennial.spec import ModelSpec

CHAMPION = "champion"
"""Origin of the trial that has the last champion's parameters."""
_MOST_REASONS = 3
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")


def winner(spec: ModelSpec, trials: Mapping[int, FrozenTrial]) -> int:
    """Return the place of the best trial; of equal ones, that of the first.

    With a second objective it is the quickest of those within one standard error of the best score: the rule that
    Breiman, Friedman, Olshen and Stone use to prune trees (Classification and Regression Trees, 1984, section 3.4.3).

    Raises
    ------
    TrainingError
        No trial has a score.
    """
    scored = scored_trials(trials)
    if not scored:
        failed = failed_trials(trials)
        raise TrainingError(
            f"none of the {len(failed)} trials gave a model: {most_frequent_reasons(failed.values())}. Change "
            "model.candidates, or what the reasons name"
        )
    best = min(scored, key=lambda place: (-_merit(spec, scored[place]), place))
    if spec.search.second is None:
        return best
    error = _standard_error(scored[best])
    near = [place for place in scored if _merit(spec, scored[place]) >= _merit(spec, scored[best]) - error]
    return min(near, key=lambda place: (scored[place].values[1], place))


def evidence(
    spec: ModelSpec, study: str, data_end: datetime, trials: Mapping[int, FrozenTrial], won: int, *, verb: str = "won"
) -> Tuning:
    """Return what a search found, or has found so far.

    Parameters
    ----------
    spec : ModelSpec
    study : str
        Its name.
    data_end : datetime
        Time of the newest row.
    trials : mapping of int to FrozenTrial
        By their places.
    won : int
        The winner's place.
    verb : str
        What the winner has done, for the sentence.
    """
    trial = trials[won]
    spread = trial.user_attrs[SPREAD]
    return Tuning(
        choice=choice_of(trial),
        searched=True,
        study=study,
        space=space_digest(spec),
        data_end=data_end,
        metric=spec.searched_metric,
        score=trial.values[0],
        spread=math.nan if spread is None else spread,
        finished=len(scored_trials(trials)),
        pruned=len(pruned_trials(trials)),
        failed=len(failed_trials(trials)),
        sentence=sentence(spec, trials, won, verb),
    )


def sentence(spec: ModelSpec, trials: Mapping[int, FrozenTrial], won: int, verb: str = "won") -> str:
    """Return in words what was found, and why it won."""
    scored, failed = scored_trials(trials), failed_trials(trials)
    pruned = pruned_trials(trials)
    trial, metric = trials[won], spec.searched_metric
    why = "the best" if spec.search.second is None else "the quickest within one standard error of the best"
    folds = len(trial.user_attrs[FOLDS])
    over = f"mean {metric} {trial.values[0]:.6g} over {folds} folds" if folds else f"{metric} {trial.values[0]:.6g}"
    parts = [f"{choice_of(trial).in_words} {verb}: {over}, {why} of {len(scored)} scored trials"]
    parts += [
        f"the last champion's parameters scored {one.values[0]:.6g}"
        for place, one in scored.items()
        if one.user_attrs.get(ORIGIN) == CHAMPION and place != won
    ]
    if pruned:
        parts.append(f"{len(pruned)} ended early")
    if failed:
        parts.append(f"{len(failed)} failed: {most_frequent_reasons(failed.values())}")
    return "; ".join(parts) + "."


def most_frequent_reasons(failed: Iterable[FrozenTrial]) -> str:
    """Return the three most frequent reasons of failures, each with its number. Those that differ in numbers are one."""
    reasons = [str(trial.user_attrs[REASON]).rstrip(".") for trial in failed]
    alike = {_NUMBER.sub("#", reason): reason for reason in reversed(reasons)}
    counts = Counter(_NUMBER.sub("#", reason) for reason in reasons)
    return "; ".join(f"{alike[kind]} ({count} of them)" for kind, count in counts.most_common(_MOST_REASONS))


def choice_of(trial: FrozenTrial) -> Choice:
    """Return what a trial tried."""
    return Choice.model_validate(trial.user_attrs[CHOICE])


def scored_trials(trials: Mapping[int, FrozenTrial]) -> dict[int, FrozenTrial]:
    """Return the trials that have a score, by their places."""
    return {place: one for place, one in sorted(trials.items()) if one.state == TrialState.COMPLETE}


def failed_trials(trials: Mapping[int, FrozenTrial]) -> dict[int, FrozenTrial]:
    """Return the trials whose estimator or process has failed, by their places."""
    return {place: one for place, one in sorted(ended(trials).items()) if REASON in one.user_attrs}


def pruned_trials(trials: Mapping[int, FrozenTrial]) -> dict[int, FrozenTrial]:
    """Return the trials that ended early since they were worse than others, by their places."""
    pruned = {place: one for place, one in sorted(trials.items()) if one.state == TrialState.PRUNED}
    return {place: one for place, one in pruned.items() if REASON not in one.user_attrs}


def ended(trials: Mapping[int, FrozenTrial]) -> dict[int, FrozenTrial]:
    """Return the trials that have ended in any way."""
    return {place: trial for place, trial in trials.items() if trial.state.is_finished()}


def _merit(spec: ModelSpec, trial: FrozenTrial) -> float:
    """Return the score, with its sign such that more is better."""
    score: float = trial.values[0]
    return -score if spec.searched_metric in LOWER_IS_BETTER else score


def _standard_error(trial: FrozenTrial) -> float:
    spread = trial.user_attrs.get(SPREAD)
    return 0.0 if spread is None else spread / math.sqrt(len(trial.user_attrs[FOLDS]))
