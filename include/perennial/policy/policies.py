"""The policies that a backtest compares: their names, phases, and which models serve."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from perennial.policy.abrupt import days_to_answer
from perennial.policy.figures import difference, mean_by_batch, overall
from perennial.policy.matrix import Matrix
from perennial.policy.records import Change, PolicyResult
from perennial.policy.replay import Replay
from perennial.policy.schedules import Calendar, DriftTriggers, Measured, Schedule, triggered_by
from perennial.policy.walk import Serving, Walk, walk
from perennial.spec import ModelSpec
from perennial.spec.metrics import LOWER_IS_BETTER
from perennial.spec.monitoring import DriftTestName

INTERVALS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Policy:
    """A policy of retraining.

    Attributes
    ----------
    name : str
        Name for programs.
    title : str
        Name for people.
    kind : str
    serving : Serving
    phases : tuple of callables
        Each makes a new schedule in an empty folder; a calendar has one for each batch at which it could begin.
    """

    name: str
    title: str
    kind: Literal["calendar", "test"]
    serving: Serving
    phases: tuple[Callable[[Path], Schedule], ...]

    @property
    def together(self) -> bool:
        """Whether past champions serve together."""
        return self.serving.members != 1


def calendars(serving: Serving, intervals: Sequence[int] = INTERVALS) -> Iterator[Policy]:
    """Yield the policy that never trains, and those that train after every so many batches, in all phases."""
    suffix = "" if serving.members == 1 else ".together"
    if serving.members == 1:
        yield Policy("never", "never", "calendar", serving, (lambda _: Calendar(0),))
    for every in intervals:
        title = "after every batch" if every == 1 else f"after every {every} batches"
        phases = tuple(_calendar(every, phase) for phase in range(every))
        yield Policy(f"every_{every}{suffix}", title, "calendar", serving, phases)


def drift_triggers(
    spec: ModelSpec, replay: Replay, matrix: Matrix, serving: Serving, names: Sequence[Sequence[DriftTestName]]
) -> Iterator[Policy]:
    """Yield the drift tests as triggers, each combination with the spec's governor."""
    measured = Measured()
    suffix = "" if serving.members == 1 else ".together"
    for combination in names:
        governed = triggered_by(spec, combination)
        label = " or ".join(combination)

        def make(folder: Path, governed: ModelSpec = governed) -> Schedule:
            return DriftTriggers(governed, replay, matrix, refit=serving.refit, folder=folder, measured=measured)

        yield Policy(f"on_{'_'.join(combination)}{suffix}", f"when {label} triggers it", "test", serving, (make,))


def follow(matrix: Matrix, policy: Policy) -> list[Walk]:
    """Follow a policy in all its phases."""
    with ExitStack() as folders:
        made = [phase(Path(folders.enter_context(tempfile.TemporaryDirectory()))) for phase in policy.phases]
        return [walk(matrix, schedule, policy.serving) for schedule in made]


def result_of(
    policy: Policy,
    walks: Sequence[Walk],
    *,
    never: Sequence[float],
    always: Sequence[float],
    change: Change | None,
    replay: Replay,
    metric: str,
) -> PolicyResult:
    """Compute the figures of a policy from its walks.

    Parameters
    ----------
    policy : Policy
    walks : sequence of Walk
        One for each phase.
    never, always : sequence of float
        Scores of each batch by the first model, which is never trained again, and by training after every batch, with
        one model serving.
    change : Change or None
        The most abrupt change.
    replay : Replay
    metric : str
    """
    greater = metric not in LOWER_IS_BETTER
    scores = mean_by_batch([one.scores for one in walks])
    means = [overall(one.scores) for one in walks]
    base, top = np.asarray(never, dtype=np.float64), np.asarray(always, dtype=np.float64)
    on_never = difference(scores, base, greater_is_better=greater)
    best = difference(top, base, greater_is_better=greater)
    return PolicyResult(
        name=policy.name,
        title=policy.title,
        kind=policy.kind,
        together=policy.together,
        score=overall(scores),
        lowest=min(means),
        highest=max(means),
        phases=len(walks),
        trainings=float(np.mean([len(one.trained) for one in walks])),
        promotions=float(np.mean([len(one.promoted) for one in walks])),
        cpu_seconds=float(np.mean([one.cpu_seconds for one in walks])),
        on_never=on_never,
        on_always=difference(scores, top, greater_is_better=greater),
        share=on_never.mean / best.mean if best.detectable and best.mean > 0 else float("nan"),
        scores=tuple(scores.tolist()),
        moments=tuple(replay.ends[number] for number in walks[0].trained),
        days_to_answer=days_to_answer(change, [one.promoted for one in walks], replay.ends),
    )


def _calendar(every: int, phase: int) -> Callable[[Path], Schedule]:
    return lambda _: Calendar(every, phase)
