"""Measures both models in every slice of the holdout, and tests in which the candidate is surely worse."""

from __future__ import annotations

import numpy as np

from perennial.evaluation.blocks import Ints
from perennial.evaluation.bootstrap import FEWEST_BLOCKS
from perennial.evaluation.contributions import Contributions, contributions, widest
from perennial.evaluation.judged import Judged, Mask
from perennial.evaluation.metrics import answered_rows, score
from perennial.evaluation.records import SliceFigures, Slices
from perennial.evaluation.reweighted import reweighted
from perennial.evaluation.slices.cut import Slice, cut
from perennial.evaluation.slices.sign_flips import adjusted_p_values
from perennial.evaluation.undefined import Undefined
from perennial.spec import ModelSpec
from perennial.spec.metrics import LOWER_IS_BETTER
from perennial.spec.slices import SlicesSection


def measure_slices(spec: ModelSpec, asked: SlicesSection, judged: Judged) -> Slices:
    """Measure a metric of both models in each slice with enough rows, and how surely it is worse than allowed.

    Blocks of time, and blocks of entities if the spec names them, are what varies: the larger probability and the wider
    interval count.

    Parameters
    ----------
    spec : ModelSpec
    asked : SlicesSection
        What the spec asks of slices.
    judged : Judged
        The rows have event time, the columns of slices and, if the spec names one, the entity. Without a
        champion only the floor is tested.

    Returns
    -------
    Slices
        Those that are most surely worse first.
    """
    metric = asked.metric or spec.evaluation.primary
    slices, useless = cut(judged.rows, asked.cuts, asked.quantiles)
    large = [one for one in slices if one.rows.sum() >= asked.min_rows]
    cuts = judged.blocks(spec)
    known: list[tuple[Slice, list[Effect]]] = []
    undefined = []
    for one in large:
        try:
            known.append((one, [measure_effect(spec, metric, judged, one.rows, block) for block in cuts]))
        except Undefined as reason:
            undefined.append(f"{one.name}: {reason}")
    return Slices(
        metric=metric,
        level=asked.level,
        found=_tested(known, asked, -1.0 if metric in LOWER_IS_BETTER else 1.0),
        judged=len(known),
        too_few_rows=len(slices) - len(large),
        undefined=tuple(undefined),
        useless=tuple(useless),
    )


Effect = tuple[Contributions, ...]
"""What each block contributes to the metric of each model in a slice."""


def measure_effect(spec: ModelSpec, metric: str, judged: Judged, chosen: Mask, block: Ints) -> Effect:
    """Measure the metric of each model on some of the rows.

    Raises
    ------
    Undefined
        The metric or its noise is not known there.
    """
    blocks = int(block.max()) + 1
    if blocks < FEWEST_BLOCKS:
        raise Undefined(f"the rows make {blocks} blocks of time, and {FEWEST_BLOCKS} are needed")
    truth, weights = judged.truth[chosen], judged.weights
    of_slice = weights[chosen] if weights is not None else None
    effects = []
    for model in judged.models:
        said = model.at(chosen)
        answered = answered_rows(spec, truth, said, judged.labels, of_slice)
        found = contributions(reweighted(metric, answered, block[chosen]), block[chosen], blocks)
        if not found.known:
            scored = score(spec, truth, said, labels=judged.labels, only=metric, weights=of_slice)
            raise Undefined(scored.undefined.get(metric, f"{metric} is not defined without one of the blocks"))
        effects.append(found)
    return tuple(effects)


def _tested(known: list[tuple[Slice, list[Effect]]], asked: SlicesSection, sign: float) -> tuple[SliceFigures, ...]:
    if not known:
        return ()
    both = len(known[0][1][0]) == 2
    gaps = [[ours.minus(theirs, sign) for ours, theirs in effects] for _, effects in known] if both else []
    worse = p_values(gaps, -asked.max_drop)
    own = [[effect[0].times(sign) for effect in effects] for _, effects in known]
    under = p_values(own, sign * asked.floor) if asked.floor is not None else [None] * len(known)
    found = [
        SliceFigures(
            name=one.name,
            rows=int(one.rows.sum()),
            candidate=widest([effect[0] for effect in effects]),
            champion=widest([effect[1] for effect in effects]) if both else None,
            difference=widest(gaps[place]) if both else None,
            p_worse=worse[place] if both else None,
            p_under_floor=under[place],
        )
        for place, (one, effects) in enumerate(known)
    ]
    return tuple(sorted(found, key=_most_surely_worse))


def p_values(figures: list[list[Contributions]], limit: float) -> list[float | None]:
    """Return for each figure, measured by each cut into blocks, the larger of its probabilities to be below a limit."""
    by_cut = [adjusted_p_values(np.vstack([one.beyond(limit) for one in each])) for each in zip(*figures, strict=True)]
    return [float(p) for p in np.max(by_cut, axis=0)] if by_cut else []


def _most_surely_worse(figures: SliceFigures) -> tuple[float, float, float]:
    p = [one for one in (figures.p_worse, figures.p_under_floor) if one is not None]
    # Of equally sure ones, first that with the largest drop that is certain.
    certain = figures.difference.high if figures.difference is not None else 0.0
    return (min(p, default=1.0), certain, -figures.rows)
