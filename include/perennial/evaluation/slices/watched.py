"""Compares a champion in slices of later rows with the same slices of its holdout, and with the floor."""

from __future__ import annotations

import numpy as np

from perennial.evaluation.contributions import Contributions, widest
from perennial.evaluation.judged import Judged
from perennial.evaluation.records import MOST_KEPT
from perennial.evaluation.slices.cut import Edges, Slice, cut, edges_of
from perennial.evaluation.slices.measure import Effect, measure_effect, p_values
from perennial.evaluation.slices.records import WatchedSlice, WatchedSlices
from perennial.evaluation.undefined import Undefined
from perennial.record import Record
from perennial.spec import ModelSpec
from perennial.spec.metrics import LOWER_IS_BETTER
from perennial.spec.slices import SlicesSection


class Level(Record):
    """A metric of a slice, and what each block of rows contributes to it; see `Contributions`."""

    value: float
    influence: tuple[float, ...]
    share: tuple[float, ...]


class SliceLevels(Record):
    """How a champion did in the slices of its holdout."""

    edges: dict[str, Edges]
    """Column of numbers -> where it was cut."""
    levels: dict[str, tuple[Level, ...]]
    """Slice -> its metric, for each way to cut the rows into blocks."""


def measure_levels(spec: ModelSpec, asked: SlicesSection, judged: Judged) -> SliceLevels:
    """Measure a champion in the slices of its holdout.

    Parameters
    ----------
    spec : ModelSpec
    asked : SlicesSection
    judged : Judged
        With the champion's predictions alone; the rows have event time, the columns of slices and the spec's entity.
    """
    edges = edges_of(judged.rows, asked.read, asked.quantiles)
    return SliceLevels(
        edges=edges,
        levels={
            one.name: tuple(_level(effect[0]) for effect in effects)
            for one, effects in _effects(spec, asked, judged, edges)
        },
    )


def compare_with_levels(
    spec: ModelSpec, asked: SlicesSection, judged: Judged, before: SliceLevels | None
) -> WatchedSlices:
    """Compare a champion in slices of later rows with the floor and with its holdout.

    Blocks of time of both are paired in their order, and the signs of pairs are flipped, as in the verdict: see
    `adjusted_p_values`. A slice is compared with the holdout if it was judged there.

    Parameters
    ----------
    spec : ModelSpec
    asked : SlicesSection
    judged : Judged
        As for `measure_levels`.
    before : SliceLevels or None
        Of its holdout; None: only the floor is tested.
    """
    metric = asked.metric or spec.evaluation.primary
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    known = _effects(spec, asked, judged, before.edges if before else None)
    ours = {one.name: [effect[0] for effect in effects] for one, effects in known}
    gaps = {name: _gaps(effects, before.levels.get(name, ()), sign) for name, effects in ours.items()} if before else {}
    compared = {name: gap for name, gap in gaps.items() if gap}
    worse = dict(zip(compared, p_values(list(compared.values()), -asked.max_drop), strict=True)) if compared else {}
    under: dict[str, float | None] = {}
    if asked.floor is not None:
        figures = [[effect.times(sign) for effect in effects] for effects in ours.values()]
        under = dict(zip(ours, p_values(figures, sign * asked.floor), strict=True))
    found = [
        WatchedSlice(
            name=one.name,
            rows=int(one.rows.sum()),
            now=widest(ours[one.name]),
            holdout=before.levels[one.name][0].value if before and before.levels.get(one.name) else None,
            p_worse=worse.get(one.name),
            p_under_floor=under.get(one.name),
        )
        for one, _ in known
    ]
    found.sort(key=_surely_worse)
    beyond = sum(_surely_worse(one)[0] <= asked.level for one in found)
    return WatchedSlices(
        metric=metric,
        level=asked.level,
        floor=asked.floor,
        judged=len(found),
        found=tuple(found[: max(MOST_KEPT, beyond)]),
    )


def _effects(
    spec: ModelSpec, asked: SlicesSection, judged: Judged, edges: dict[str, Edges] | None
) -> list[tuple[Slice, list[Effect]]]:
    """Return the slices with enough rows in which the metric and its noise are known."""
    slices, _ = cut(judged.rows, asked.cuts, asked.quantiles, edges)
    metric, blocks = asked.metric or spec.evaluation.primary, judged.blocks(spec)
    known = []
    for one in slices:
        if one.rows.sum() < asked.min_rows:
            continue
        try:
            known.append((one, [measure_effect(spec, metric, judged, one.rows, block) for block in blocks]))
        except Undefined:
            continue
    return known


def _gaps(ours: list[Contributions], theirs: tuple[Level, ...], sign: float) -> list[Contributions]:
    """Return by how much the metric is better than on the holdout, for each cut into blocks; empty: it is not comparable."""
    gaps = []
    for now, then in zip(ours, theirs, strict=False):
        if len(now.share) != len(then.share):
            return []
        before = Contributions(then.value, np.array(then.influence), np.array(then.share))
        gaps.append(now.minus(before, sign))
    return gaps if len(gaps) == len(ours) else []


def _level(of: Contributions) -> Level:
    return Level(value=of.value, influence=tuple(of.influence.tolist()), share=tuple(of.share.tolist()))


def _surely_worse(one: WatchedSlice) -> tuple[float, int]:
    return (min((p for p in (one.p_worse, one.p_under_floor) if p is not None), default=1.0), -one.rows)
