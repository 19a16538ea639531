"""The blessing of fairness: the candidate treats no two groups more differently than the spec allows."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from perennial.evaluation.records import Evaluation, GroupsOf
from perennial.promotion.blessings.blessing import bless
from perennial.promotion.records import Blessing, GateResult
from perennial.promotion.wording import figures
from perennial.spec.fairness import RATES, FairnessMetric, FairnessSection


def bless_fairness(evaluation: Evaluation, asked: FairnessSection, dry_run: Collection[str] = ()) -> Blessing:
    """Judge a candidate by how much its treatment of groups differs.

    Parameters
    ----------
    evaluation : Evaluation
        With the figures of each sensitive column.
    asked : FairnessSection
        What the spec asks of them.
    dry_run : collection of str
        Names of gates that are shown and do not decide.
    """
    gates = [gate for found in evaluation.fairness for gate in _gates(found, asked)]
    met = "; ".join(gate.sentence for gate in gates if gate.threshold is not None)
    return bless("fairness", gates, met, dry_run=dry_run)


def _gates(found: GroupsOf, asked: FairnessSection) -> Iterator[GateResult]:
    groups = len(found.groups)
    if groups < 2:
        small = f" ({found.too_few_rows:,} have fewer)" if found.too_few_rows else ""
        sentence = (
            f"evaluation.fairness: {found.column!r} has fewer than two groups with at least {asked.min_rows:,} held-out rows"
            f"{small}: there is nothing to compare. Hold out more rows, lower fairness.min_rows or name another column"
        )
        yield GateResult(name=f"groups {found.column}", passed=False, sentence=sentence, value=groups)
        return
    for metric, most in asked.maximum.items():
        yield _bounded(found, metric, most)


def _bounded(found: GroupsOf, metric: FairnessMetric, most: float) -> GateResult:
    value = found.candidate[metric]
    name = f"{metric} {found.column}"
    if not math.isfinite(value):
        missing = (
            f"{metric} by {found.column} is undefined: fewer than two groups have a {' and a '.join(RATES[metric])}"
        )
        return GateResult(name=name, passed=False, sentence=missing, value=value, threshold=most)
    passed = value <= most
    reached, asked = figures(value, most)
    champion = "" if found.champion is None else f" (champion {figures(found.champion[metric])[0]})"
    verb = "keeps to" if passed else "is above"
    between = _extremes(found, max(RATES[metric], key=lambda rate: _range(_defined(found, rate))))
    sentence = f"{metric} by {found.column} {reached} {verb} the maximum of {asked}{champion}: {between}"
    return GateResult(name=name, passed=passed, sentence=sentence, value=value, threshold=most)


def _extremes(found: GroupsOf, rate: str) -> str:
    values = _defined(found, rate)
    high, low = max(values, key=values.__getitem__), min(values, key=values.__getitem__)
    return f"{rate} {figures(values[high])[0]} for {high}, {figures(values[low])[0]} for {low}"


def _defined(found: GroupsOf, rate: str) -> dict[str, float]:
    values = {group.name: group.candidate[rate].value for group in found.groups if rate in group.candidate}
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _range(values: dict[str, float]) -> float:
    return max(values.values()) - min(values.values())
