"""Which parameters mattered in a search."""

from __future__ import annotations

from collections.abc import Iterable

import optuna
from optuna.exceptions import OptunaError
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, create_trial

_FEWEST_TRIALS = 10


def importances(scored: Iterable[FrozenTrial], *, less_is_better: bool) -> tuple[tuple[str, float], ...]:
    """Return the share of each parameter in what tells good trials from others, largest first.

    By PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023), for the parameters that all trials have: with several
    candidates that is which of them it was. Empty where there are too few trials to tell.
    """
    trials = list(scored)
    shared = set.intersection(*(set(trial.params) for trial in trials)) if trials else set()
    if len(trials) < _FEWEST_TRIALS or not shared:
        return ()
    study = optuna.create_study(direction="minimize" if less_is_better else "maximize")
    for trial in trials:
        study.add_trial(
            create_trial(
                value=trial.values[0],
                params={name: trial.params[name] for name in shared},
                distributions={name: trial.distributions[name] for name in shared},
            )
        )
    try:
        found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    except (OptunaError, ValueError, RuntimeError):  # such as when all trials have the same score
        return ()
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))
