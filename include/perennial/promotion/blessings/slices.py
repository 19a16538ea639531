"""The blessing of the slices: in none of them is the candidate surely worse than allowed, or surely under the floor."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from perennial.evaluation.records import Evaluation, Interval, SliceFigures, Slices
from perennial.promotion.blessings.blessing import bless
from perennial.promotion.records import Blessing, GateResult
from perennial.promotion.wording import figures
from perennial.spec.slices import SlicesSection

MOST_NAMED = 3


def bless_slices(evaluation: Evaluation, asked: SlicesSection, dry_run: Collection[str] = ()) -> Blessing:
    """Judge a candidate by the slices of the holdout.

    Parameters
    ----------
    evaluation : Evaluation
        With the figures of the slices.
    asked : SlicesSection
        What the spec asks of them.
    dry_run : collection of str
        Names of gates that are shown and do not decide.
    """
    found = evaluation.slices or Slices(metric=asked.metric or "", level=asked.level, found=(), judged=0)
    gates = [_looked_at(found, asked)]
    if evaluation.champion_is is not None:
        gates.append(_not_worse(found, asked, evaluation.champion_is.name))
    if asked.floor is not None:
        gates.append(_above_floor(found, asked.floor))
    met = f"{found.metric} is in none of {found.judged:,} slices worse beyond chance"
    return bless("slices", gates, met, dry_run=dry_run)


def _looked_at(found: Slices, asked: SlicesSection) -> GateResult:
    """Fail if a column makes no slices, or if there are none that could be judged: nothing would be known."""
    if found.useless:
        sentence = "evaluation.slices: " + "; ".join(found.useless)
    elif found.judged:
        small = (
            f", {found.too_few_rows:,} with fewer than {asked.min_rows:,} rows were not" if found.too_few_rows else ""
        )
        sentence = f"{found.judged:,} slices were judged{small}"
    else:
        why = "; ".join(found.undefined[:MOST_NAMED]) or f"each has fewer than {asked.min_rows:,} rows"
        sentence = f"no slice could be judged: {why}. Lower evaluation.slices.min_rows, or hold out more rows"
    passed = bool(found.judged) and not found.useless
    return GateResult(name="slices judged", passed=passed, sentence=sentence, value=found.judged)


def _not_worse(found: Slices, asked: SlicesSection, champion: str) -> GateResult:
    worse = [one for one in found.found if one.is_worse(found.level)]
    allowed = f"more than {asked.max_drop:g} worse" if asked.max_drop else "worse"
    if worse:
        said = ", ".join(f"{_named(one)} by {_gap(one)}" for one in worse[:MOST_NAMED])
        sentence = f"{found.metric} is {allowed} than {champion}, beyond chance, in {_count(worse, found)}: {said}{_more(worse)}"
    else:
        sentence = f"{found.metric} is beyond chance {allowed} than {champion} in none of {found.judged:,} slices"
    lowest = min((one.difference.value for one in found.found if one.difference is not None), default=None)
    return GateResult(name="slices drop", passed=not worse, sentence=sentence, value=lowest, threshold=-asked.max_drop)


def _above_floor(found: Slices, floor: float) -> GateResult:
    under = [one for one in found.found if one.misses_floor(found.level)]
    if under:
        said = ", ".join(f"{_named(one)} {_interval(one.candidate)}" for one in under[:MOST_NAMED])
        sentence = f"{found.metric} misses {floor:g}, beyond chance, in {_count(under, found)}: {said}{_more(under)}"
    else:
        sentence = f"{found.metric} misses {floor:g} beyond chance in none of {found.judged:,} slices"
    return GateResult(name="slices floor", passed=not under, sentence=sentence, threshold=floor)


def _count(some: Sequence[SliceFigures], found: Slices) -> str:
    return f"{len(some):,} of {found.judged:,} slices"


def _named(one: SliceFigures) -> str:
    return f"{one.name} ({one.rows:,} rows)"


def _gap(one: SliceFigures) -> str:
    return _interval(one.difference) if one.difference is not None else "an unknown amount"


def _interval(interval: Interval) -> str:
    value, low, high = figures(interval.value, interval.low, interval.high)
    return f"{value} ({low} to {high})"


def _more(some: Sequence[SliceFigures]) -> str:
    return f" and {len(some) - MOST_NAMED} more" if len(some) > MOST_NAMED else ""
