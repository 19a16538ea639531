"""Whether packages are fit to serve: a pure function of what a rehearsal measured and what the spec asks."""

from __future__ import annotations

import math

from perennial.promotion.blessings.blessing import bless
from perennial.promotion.records import Blessing, GateResult
from perennial.rehearsal.records import Rehearsal, Rehearsed
from perennial.spec.packages import RehearsalGates


def judge(rehearsal: Rehearsal, asked: RehearsalGates) -> Blessing:
    """Return the blessing of a rehearsal: it promotes only if every package passes every gate."""
    gates = [gate for one in rehearsal.packages for gate in _gates(one, asked)]
    kinds = [one.kind for one in rehearsal.packages]
    rows = rehearsal.packages[0].rows
    predict = "predicts" if len(kinds) == 1 else "predict"
    return bless("rehearsal", gates, f"{' and '.join(kinds)} {predict} as the bundle on {rows:,} held-out rows")


def _gates(one: Rehearsed, asked: RehearsalGates) -> tuple[GateResult, ...]:
    if one.error:
        return (GateResult(name=f"{one.kind} runs", passed=False, sentence=f"{one.kind}: {one.error}"),)
    found = [_same(one, asked.max_difference)]
    if asked.p95_ms is not None:
        p95 = one.one.p95 if one.one else math.nan
        found.append(_at_most(one, "p95", p95, asked.p95_ms, "ms for one row in 95 of 100 calls"))
    if asked.memory_mb is not None:
        found.append(_at_most(one, "memory", one.memory_mb, asked.memory_mb, "MiB of memory"))
    return tuple(found)


def _same(one: Rehearsed, allowed: float) -> GateResult:
    sentence = f"{one.kind} differs from the bundle by at most {one.difference:.3g} on {one.rows:,} rows"
    if one.difference > allowed and one.farthest:
        row = one.farthest[0]
        sentence += f", {allowed:g} is allowed: most on row {row.position:,}, of {row.at:%Y-%m-%d %H:%M} UTC"
    if one.labels_changed:
        sentence += f", and predicts another label on {one.labels_changed:,} of them"
    return GateResult(
        name=f"{one.kind} difference",
        passed=one.difference <= allowed and not one.labels_changed,
        sentence=sentence,
        value=one.difference,
        threshold=allowed,
    )


def _at_most(one: Rehearsed, name: str, value: float, limit: float, unit: str) -> GateResult:
    passed = value <= limit
    return GateResult(
        name=f"{one.kind} {name}",
        passed=passed,
        sentence=f"{one.kind} takes {value:,.3g} {unit}, {'at most' if passed else 'more than the'} {limit:g}",
        value=value,
        threshold=limit,
    )
