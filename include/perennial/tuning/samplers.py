"""How the next trial is proposed, and when one ends early."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from perennial.errors import SpecError

if TYPE_CHECKING:
    from perennial.spec.tuning import Tuning

_WARM_UP = 3
"""The first tenth of a booster's rounds after which a trial may end."""


def sampler_of(tuning: Tuning, place: int) -> BaseSampler:
    """Return the sampler of one trial.

    Its seed follows from the spec's and the trial's place, since Optuna stores no sampler: one that went on after a
    restart with the seed of the beginning would propose the same again.

    Raises
    ------
    SpecError
        The sampler needs a library that is not installed.
    """
    seed = int(np.random.SeedSequence([tuning.seed, place]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if tuning.sampler == "tpe":
            # Trials under way count as bad ones, so that two processes do not try the same.
            return TPESampler(seed=seed, constant_liar=tuning.parallel > 1)
        if tuning.sampler == "gp":
            if find_spec("torch") is None:
                raise SpecError("tuning.sampler: gp needs torch, which is not installed: install it, or choose tpe")
            return GPSampler(seed=seed)
        if tuning.sampler == "cmaes":
            return CmaEsSampler(seed=seed)
        if tuning.sampler == "nsga2":
            return NSGAIISampler(seed=seed)
        # The points of a grid wait in the study, so that nothing is left to propose.
        return RandomSampler(seed=seed)


def pruner_of(tuning: Tuning) -> BasePruner:
    """Return the pruner: by the median of earlier trials' scores at the same step, or none."""
    if tuning.pruner == "iterations":
        # The first tenths of the rounds say little of what a slow learner comes to.
        return MedianPruner(n_warmup_steps=_WARM_UP)
    return MedianPruner() if tuning.pruner == "median" else NopPruner()
