"""The gate that compares a candidate with the champion: by a tolerance, by the noise of the difference, or by proof."""

from __future__ import annotations

import math
from typing import NamedTuple

from perennial.evaluation.records import Comparison, Evaluation
from perennial.promotion.records import GateResult
from perennial.promotion.wording import by_how_much, figures
from perennial.spec import ModelSpec
from perennial.spec.evaluation import Gates
from perennial.spec.metrics import LOWER_IS_BETTER

NAME = "champion"


class _Finding(NamedTuple):
    passed: bool
    needed: float
    """The smallest difference that passes."""
    words: str
    """The result in words, after 'the candidate is'."""
    inconclusive: bool = False


def judge_against_champion(evaluation: Evaluation, spec: ModelSpec) -> GateResult:
    """Judge the candidate by its difference from the champion on the rows on which they were compared.

    With `gates.tolerance: noise` a candidate passes if it is not worse by more than one standard error; if the noise is
    not known, it must not be worse at all. With a number it must be worse by strictly less than that: at 0 a tie does
    not pass, since it is not a reason to change the model. With `gates.confidence` the whole interval of the difference
    must be on the passing side of the tolerance (of 0 if the tolerance is `noise`); if it is on both sides, the gate is
    inconclusive.
    """
    if evaluation.champion_is is None:
        return GateResult(name=NAME, passed=True, sentence="there is no champion to be better than")
    if evaluation.champion is None or evaluation.comparison is None:
        return _without_comparison(evaluation, spec.evaluation.gates)
    return _compared(evaluation, evaluation.comparison, evaluation.champion_is.version, spec.evaluation.gates)


def _without_comparison(evaluation: Evaluation, gates: Gates) -> GateResult:
    """Judge by the other gates only. Without any, the gate fails: every candidate would replace a working champion."""
    judged = bool({**gates.minimum, **gates.maximum})
    found = "; ".join(evaluation.notes) or "the champion could not be scored on these rows"
    consequence = (
        "the candidate is judged by the minimum and maximum gates alone"
        if judged
        else "the spec has no minimum or maximum to judge by instead (add one under evaluation.gates)"
    )
    return GateResult(name=NAME, passed=judged, sentence=f"{found}; {consequence}")


def _compared(evaluation: Evaluation, comparison: Comparison, version: str, gates: Gates) -> GateResult:
    name = comparison.metric
    if not math.isfinite(comparison.difference):
        ours = not math.isfinite(comparison.candidate)
        sentence = (
            comparison.reason if ours else f"champion v{version} cannot be compared with: its {comparison.reason}"
        )
        return GateResult(name=NAME, passed=False, sentence=sentence, value=comparison.candidate)
    found = _prove(comparison, gates) if gates.confidence is not None else _tolerate(comparison, gates)
    reached, champions = figures(comparison.candidate, comparison.champion)
    notes = "".join(f" ({note})" for note in evaluation.notes)
    sign = -1.0 if name in LOWER_IS_BETTER else 1.0
    return GateResult(
        name=NAME,
        passed=found.passed,
        inconclusive=found.inconclusive,
        sentence=f"{name} {reached} is {found.words}, compared with {champions} of champion v{version} on the same rows: "
        f"{by_how_much(comparison)}{notes}",
        value=comparison.candidate,
        threshold=comparison.champion + sign * found.needed,
    )


def _tolerate(comparison: Comparison, gates: Gates) -> _Finding:
    if gates.tolerance == "noise":
        noise = comparison.standard_error if math.isfinite(comparison.standard_error) else 0.0
        passed = comparison.difference >= -noise
        asked = "worse by more than one standard error" if noise else "worse"
        return _Finding(passed, -noise, f"not {asked}" if passed else asked)
    passed = comparison.difference > -gates.tolerance
    asked = f"worse by less than {gates.tolerance:g}, or better" if gates.tolerance else "better"
    return _Finding(passed, -gates.tolerance, asked if passed else f"not {asked}")


def _prove(comparison: Comparison, gates: Gates) -> _Finding:
    allowed = 0.0 if gates.tolerance == "noise" else gates.tolerance
    asked = f"worse by less than {allowed:g}, or better" if allowed else "better"
    reach = comparison.difference - comparison.low
    proved, refuted = comparison.low > -allowed, comparison.high < -allowed
    words = f"certainly {asked}" if proved else f"certainly not {asked}" if refuted else f"not certain to be {asked}"
    return _Finding(proved, reach - allowed, words, inconclusive=not (proved or refuted))
