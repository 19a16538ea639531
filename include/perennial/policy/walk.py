"""A policy as a path through the matrix: which models serve each batch, decided from what was known before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perennial.policy.judging import Gate, Judgement, judge
from perennial.policy.matrix import Matrix, Together
from perennial.policy.schedules import Schedule


@dataclass(frozen=True)
class Serving:
    """How candidates become champions, and how many champions serve.

    Attributes
    ----------
    gate : Gate
        What a candidate must show.
    refit : bool
        Whether the promoted model is fitted again on all labelled rows.
    members : int or None
        Number of the newest champions that serve together; None: all of them.
    """

    gate: Gate = "noise"
    refit: bool = True
    members: int | None = 1


@dataclass(frozen=True)
class Walk:
    """One way through the matrix.

    Attributes
    ----------
    scores : tuple of float
        The primary metric of each batch.
    served : tuple of Together
        The models that served each batch.
    trained : tuple of int
        Numbers of the batches after which a model was trained; the first model is not counted.
    promoted : tuple of int
        Those of `trained` whose candidate became champion.
    judgements : tuple of Judgement
        The judgement of each candidate.
    cpu_seconds : float
        CPU seconds of these trainings, and of all tests.
    """

    scores: tuple[float, ...]
    served: tuple[Together, ...]
    trained: tuple[int, ...]
    promoted: tuple[int, ...]
    judgements: tuple[Judgement, ...]
    cpu_seconds: float


def walk(matrix: Matrix, schedule: Schedule, serving: Serving) -> Walk:
    """Follow a policy from the first batch to the last.

    Each batch is scored by the champions of that time before any model learns from it (prequential: Dawid 1984).

    Parameters
    ----------
    matrix : Matrix
    schedule : Schedule
        Asked at the end of each batch but the last.
    serving : Serving
    """
    champions: list[int] = [0]
    scores, served, trained, promoted, judgements = [], [], [], [], []
    for batch in range(1, matrix.batches + 1):
        together = matrix.together(_newest(champions, serving), batch - 1, refit=serving.refit)
        served.append(together)
        scores.append(matrix.score(together, batch))
        if batch == matrix.batches or not schedule.due(batch, champions[-1]):
            continue
        trained.append(batch)
        if matrix.models[batch].failed:
            continue
        judgement = judge(matrix, batch, _newest(champions, serving), alone=serving.members == 1)
        judgements.append(judgement)
        if judgement.passes(serving.gate):
            champions.append(batch)
            promoted.append(batch)
    return Walk(
        scores=tuple(scores),
        served=tuple(served),
        trained=tuple(trained),
        promoted=tuple(promoted),
        judgements=tuple(judgements),
        cpu_seconds=schedule.cpu_seconds + sum(_seconds(matrix, number, serving) for number in trained),
    )


def _newest(champions: Sequence[int], serving: Serving) -> Sequence[int]:
    return champions if serving.members is None else champions[-serving.members :]


def _seconds(matrix: Matrix, number: int, serving: Serving) -> float:
    model = matrix.models[number]
    return model.twin_seconds + (model.refit_seconds if serving.refit else 0.0)
