"""A backtest: the figures of every policy's path through the matrix, and a sentence about them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
from scipy.stats import spearmanr

from perennial.errors import DataError
from perennial.policy.abrupt import abrupt_change, days_to_answer
from perennial.policy.figures import difference
from perennial.policy.hindsight import best_paths
from perennial.policy.judging import judge
from perennial.policy.loss_detectors import LossDetector, installed_detectors
from perennial.policy.matrix import Matrix, Together
from perennial.policy.page import write_backtest
from perennial.policy.policies import Policy, calendars, drift_triggers, follow, result_of
from perennial.policy.records import Backtest, Change, PolicyResult, Promise
from perennial.policy.replay import Replay, rows_of
from perennial.policy.replayed_model import find_model
from perennial.policy.schedules import Schedule
from perennial.policy.sentence import finding
from perennial.policy.walk import Serving
from perennial.run import Run
from perennial.spec import ModelSpec
from perennial.spec.metrics import LOWER_IS_BETTER
from perennial.spec.monitoring import DriftTestName

MEMBERS = 10
"""Number of champions that serve together if the spec does not give it."""
_FEWEST_PROMISES = 5


def compare_policies(
    spec: ModelSpec, replay: Replay, matrix: Matrix, *, said: Callable[[str, int, int], None] = lambda *_: None
) -> Backtest:
    """Follow all policies through a matrix.

    Parameters
    ----------
    spec : ModelSpec
        That of the replay's rows; gives the gates that judge, and the monitoring and governor that trigger.
    replay : Replay
    matrix : Matrix
    said : callable
        Called before each policy is followed, with its title, the number of policies followed before, and the number of
        all policies.
    """
    metric = spec.evaluation.primary
    serving = Serving(gate=spec.evaluation.gates.tolerance, refit=spec.model.refit)
    policies = [*policies_of(spec, replay, matrix, serving)]
    walks = {}
    for done, policy in enumerate(policies):
        said(policy.title, done, len(policies))
        walks[policy.name] = follow(matrix, policy)
    said("", len(policies), len(policies))
    never, always = walks["never"][0].scores, walks["every_1"][0].scores
    greater = metric not in LOWER_IS_BETTER
    change = abrupt_change(never, replay.ends, greater_is_better=greater)
    results = [
        result_of(policy, walks[policy.name], never=never, always=always, change=change, replay=replay, metric=metric)
        for policy in policies
    ]
    results.append(hindsight(matrix, replay, serving, never, always, change))
    promises = tuple(promises_of(matrix, replay, serving))
    return Backtest(
        model=spec.name,
        replay=replay.digest,
        metric=metric,
        greater_is_better=greater,
        ends=replay.ends,
        rows=tuple(np.diff(matrix.edges).tolist()),
        refit=serving.refit,
        not_replayed=tuple(window.in_words for window in spec.source.windows[1:]),
        failed=tuple(f"{replay.ends[one.number]:%Y-%m-%d}: {one.failed}" for one in matrix.models if one.failed),
        policies=tuple(results),
        promises=promises,
        rank_correlation=rank_correlation(promises),
        change=change,
        sentence=finding(results, metric, replay, change),
    )


def finish_backtest(run: Run, replay: Replay) -> Backtest:
    """Compare the policies by models that were trained before, and write the page and its JSON.

    Raises
    ------
    DataError
        A model is missing since its training did not end or its files are damaged; or the first training gave no model.
    """
    models = [find_model(run, replay, number) for number in range(replay.batches)]
    missing = [str(number) for number, model in enumerate(models) if model is None]
    if missing:
        raise DataError(
            f"backtest {replay.digest} of {run.spec.name} lacks the models {', '.join(missing)}: train them, and "
            "compare again"
        )
    trained = [model for model in models if model is not None]
    history = rows_of(run, replay)
    found = compare_policies(history.spec, replay, Matrix.of(run, replay, history, trained))
    write_backtest(run.store, found)
    return found


def policies_of(spec: ModelSpec, replay: Replay, matrix: Matrix, serving: Serving) -> Iterator[Policy]:
    """Yield the policies of a backtest: calendars, alone and together, and triggers."""
    members = spec.model.ensemble.members if spec.model.ensemble else MEMBERS
    together = Serving(gate=serving.gate, refit=serving.refit, members=members)
    yield from calendars(serving)
    yield from calendars(together)
    watch = spec.watch
    wanted: list[tuple[DriftTestName, ...]] = [
        (name,) for name in get_args(DriftTestName) if getattr(watch, name, True) is not None
    ]
    yours = tuple(name for name in spec.retraining.triggers if getattr(watch, name, True) is not None)
    if len(yours) > 1:
        wanted.append(yours)
    yield from drift_triggers(spec, replay, matrix, serving, wanted)
    for name, make in installed_detectors().items():
        title = f"when river's {make.__name__} triggers it"
        yield Policy(name, title, "test", serving, (_watching(matrix, serving.refit, make),))


def hindsight(
    matrix: Matrix, replay: Replay, serving: Serving, never: object, always: object, change: Change | None = None
) -> PolicyResult:
    """Return the bound of all policies that promote what they train and serve one model."""
    n, metric = matrix.batches, matrix.spec.evaluation.primary
    greater = metric not in LOWER_IS_BETTER
    scores = np.full((n, n), np.nan)
    for number, model in enumerate(matrix.models):
        if not model.failed:
            alone = Together((number,), (1.0,), serving.refit)
            scores[number, number:] = [matrix.score(alone, batch + 1) for batch in range(number, n)]
    best = best_paths(scores, greater_is_better=greater)[-1]
    serves = np.searchsorted(best.trained, np.arange(n), side="right")
    path = [scores[([0, *best.trained])[place], batch] for batch, place in enumerate(serves)]
    base, top = np.asarray(never, dtype=np.float64), np.asarray(always, dtype=np.float64)
    on_never, gain = (difference(one, base, greater_is_better=greater) for one in (np.array(path), top))
    return PolicyResult(
        name="hindsight",
        title="at the best moments, known only afterwards",
        kind="bound",
        together=False,
        score=best.score,
        lowest=best.score,
        highest=best.score,
        phases=1,
        trainings=len(best.trained),
        promotions=len(best.trained),
        cpu_seconds=math.nan,
        on_never=on_never,
        on_always=difference(np.array(path), top, greater_is_better=greater),
        share=on_never.mean / gain.mean if gain.detectable and gain.mean > 0 else math.nan,
        scores=tuple(float(score) for score in path),
        moments=tuple(replay.ends[number] for number in best.trained),
        days_to_answer=days_to_answer(change, [best.trained], replay.ends),
    )


def promises_of(matrix: Matrix, replay: Replay, serving: Serving) -> Iterator[Promise]:
    """Yield the predicted and realised difference of each candidate of the calendar that trains after every batch."""
    sign = -1.0 if matrix.spec.evaluation.primary in LOWER_IS_BETTER else 1.0
    champion = 0
    for batch in range(1, matrix.batches):
        if matrix.models[batch].failed:
            continue
        judgement = judge(matrix, batch, [champion], alone=True)
        now, then = (
            matrix.score(Together((number,), (1.0,), serving.refit), batch + 1) for number in (champion, batch)
        )
        promoted = judgement.passes(serving.gate)
        yield Promise(
            end=replay.ends[batch],
            predicted=judgement.comparison.difference,
            standard_error=judgement.comparison.standard_error,
            realised=sign * (then - now),
            promoted=promoted,
        )
        champion = batch if promoted else champion


def _watching(matrix: Matrix, refit: bool, make: Callable[[], Any]) -> Callable[[Path], Schedule]:
    return lambda _: LossDetector(matrix, refit, make)


def rank_correlation(promises: tuple[Promise, ...]) -> float:
    """Return Spearman's correlation of predicted and realised differences; NaN for fewer than five."""
    pairs = [(one.predicted, one.realised) for one in promises]
    known = np.array([pair for pair in pairs if np.isfinite(pair).all()])
    if len(known) < _FEWEST_PROMISES or (np.ptp(known, axis=0) == 0).any():
        return math.nan
    return float(spearmanr(known[:, 0], known[:, 1]).statistic)
