"""Whether a candidate may become champion: a pure function of what was measured and what the spec asks.

Nothing is read or moved here. Every gate is held against the figures and says in words what it found;
the candidate is promoted if all of them pass. What cannot be measured never passes.
"""

from __future__ import annotations

import math

from perennial.evaluation.records import Evaluation, Scores
from perennial.models.candidate import Candidate
from perennial.promotion.news import news
from perennial.promotion.records import GateResult, Verdict
from perennial.spec import ModelSpec
from perennial.spec.metrics import LOWER_IS_BETTER


def decide(evaluation: Evaluation, spec: ModelSpec, candidate: Candidate) -> Verdict:
    """Hold the evaluation against the spec's gates.

    Parameters
    ----------
    evaluation : Evaluation
        Candidate and champion on the same holdout.
    spec : ModelSpec
    candidate : Candidate

    Returns
    -------
    Verdict
        `promote` only if every gate passed.
    """
    gates = (
        _enough_rows(evaluation, spec),
        *((_two_labels(evaluation),) if spec.task == "classification" else ()),
        _measured(evaluation, spec),
        *(_bounded(evaluation, name, bound) for name, bound in _bounds(spec).items()),
        _better_than_champion(evaluation, spec),
        _something_new(evaluation, candidate),
    )
    champion = evaluation.champion_is
    return Verdict(
        outcome="promote" if all(gate.passed for gate in gates) else "reject",
        sentence=_sentence(evaluation, spec, gates),
        gates=gates,
        champion_version=champion.version if champion else None,
    )


def _enough_rows(evaluation: Evaluation, spec: ModelSpec) -> GateResult:
    least = spec.evaluation.gates.min_rows
    passed = evaluation.rows >= least
    found = f"{evaluation.rows:,} labelled rows in the holdout"
    return GateResult(
        name="rows",
        passed=passed,
        sentence=f"{found}, at least {least:,} are asked for" if passed else f"only {found}, fewer than {least:,}",
        value=evaluation.rows,
        threshold=least,
    )


def _two_labels(evaluation: Evaluation) -> GateResult:
    found = len(evaluation.classes)
    if found >= 2:
        sentence = f"{found} labels in the holdout"
    elif found == 1:
        sentence = f"every row of the holdout has the label {evaluation.classes[0]!r}, and two are needed to judge"
    else:
        sentence = "the holdout has no label at all"
    return GateResult(name="labels", passed=found >= 2, sentence=sentence, value=found, threshold=2)


def _measured(evaluation: Evaluation, spec: ModelSpec) -> GateResult:
    name = spec.evaluation.primary
    value = _metric(evaluation.candidate, name)
    passed = math.isfinite(value)
    return GateResult(
        name="primary metric",
        passed=passed,
        sentence=f"{name} is {_figures(value)[0]}" if passed else _why_undefined(evaluation.candidate, name),
        value=value,
    )


def _bounds(spec: ModelSpec) -> dict[str, float]:
    gates = spec.evaluation.gates
    return dict((*gates.minimum.items(), *gates.maximum.items()))


def _bounded(evaluation: Evaluation, name: str, bound: float) -> GateResult:
    lower_is_better = name in LOWER_IS_BETTER
    kind = "maximum" if lower_is_better else "minimum"
    value = _metric(evaluation.candidate, name)
    passed = math.isfinite(value) and (value <= bound if lower_is_better else value >= bound)
    if math.isfinite(value):
        reached, asked = _figures(value, bound)
        verb = ("keeps to" if passed else "is above") if lower_is_better else ("reaches" if passed else "is below")
        sentence = f"{name} {reached} {verb} the {kind} of {asked}"
    else:
        sentence = _why_undefined(evaluation.candidate, name)
    return GateResult(name=f"{kind} {name}", passed=passed, sentence=sentence, value=value, threshold=bound)


def _better_than_champion(evaluation: Evaluation, spec: ModelSpec) -> GateResult:
    if evaluation.champion_is is None:
        return GateResult(name="champion", passed=True, sentence="there is no champion to be better than")
    if evaluation.champion is None:
        return _without_comparison(evaluation, spec)
    return _compared(evaluation, evaluation.champion, evaluation.champion_is.version, spec)


def _without_comparison(evaluation: Evaluation, spec: ModelSpec) -> GateResult:
    """Judge by the other gates alone; a spec without any would let every candidate take a working champion's place."""
    judged = bool(_bounds(spec))
    found = "; ".join(evaluation.notes) or "the champion could not be scored on these rows"
    consequence = (
        "the candidate is judged by the minimum and maximum gates alone"
        if judged
        else "the spec has no minimum or maximum to judge by instead (add one under evaluation.gates)"
    )
    return GateResult(name="champion", passed=judged, sentence=f"{found}; {consequence}")


def _compared(evaluation: Evaluation, champion: Scores, version: str, spec: ModelSpec) -> GateResult:
    name, tolerance = spec.evaluation.primary, spec.evaluation.gates.tolerance
    value, beaten = _metric(evaluation.candidate, name), _metric(champion, name)
    sign = -1.0 if name in LOWER_IS_BETTER else 1.0
    # Strictly: a tie at tolerance 0 is no reason to change the model.
    passed = math.isfinite(value) and math.isfinite(beaten) and sign * (value - beaten) > -tolerance
    if not math.isfinite(value):
        sentence = _why_undefined(evaluation.candidate, name)
    elif not math.isfinite(beaten):
        sentence = f"champion v{version} cannot be compared with: its {_why_undefined(champion, name)}"
    else:
        reached, champions = _figures(value, beaten)
        asked = f"worse by less than {tolerance:g}, or better" if tolerance else "better"
        verb = "is" if passed else "is not"
        sentence = f"{name} {reached} {verb} {asked}, compared with {champions} of champion v{version} on the same rows"
        sentence += "".join(f" ({note})" for note in evaluation.notes)
    return GateResult(
        name="champion", passed=passed, sentence=sentence, value=value, threshold=beaten - sign * tolerance
    )


def _something_new(evaluation: Evaluation, candidate: Candidate) -> GateResult:
    champion, before = evaluation.champion_is, evaluation.champion_provenance
    if champion is None:
        return GateResult(name="news", passed=True, sentence="there is no champion that this could repeat")
    if evaluation.same_predictions:
        found = f"it says what {champion.name} says of all {evaluation.rows:,} held-out rows, to the last bit"
        return GateResult(name="news", passed=False, sentence=f"{found}: there is nothing new to promote")
    if before is None:
        found = f"nothing is known of what {champion.name} was trained from"
        return GateResult(name="news", passed=True, sentence=found)
    changed = news(before, candidate.provenance)
    if changed:
        return GateResult(name="news", passed=True, sentence=f"other than in {champion.name}: {', '.join(changed)}")
    return GateResult(
        name="news",
        passed=False,
        sentence=f"trained from the same rows, by the same recipe and libraries as {champion.name}: there is nothing new to "
        "promote",
    )


def _sentence(evaluation: Evaluation, spec: ModelSpec, gates: tuple[GateResult, ...]) -> str:
    failed = [gate for gate in gates if not gate.passed]
    if failed:
        # An undefined metric fails several gates for one reason.
        reasons = "; ".join(dict.fromkeys(gate.sentence for gate in failed))
        return f"Rejected: {reasons}. {len(failed)} of {len(gates)} gates failed."
    return f"Fit to promote: {_headline(evaluation, spec.evaluation.primary)}; all {len(gates)} gates passed."


def _headline(evaluation: Evaluation, name: str) -> str:
    value, rows = _metric(evaluation.candidate, name), f"on {evaluation.rows:,} held-out rows"
    if evaluation.champion_is is None:
        return f"{name} {_figures(value)[0]} {rows}, there is no champion yet"
    version = evaluation.champion_is.version
    if evaluation.champion is None:
        return f"{name} {_figures(value)[0]} {rows}, champion v{version} could not be scored on them"
    reached, champions = _figures(value, _metric(evaluation.champion, name))
    return f"{name} {reached} {rows}, champion v{version} reaches {champions} on the same rows"


def _metric(scores: Scores, name: str) -> float:
    return scores.metrics.get(name, math.nan)


def _why_undefined(scores: Scores, name: str) -> str:
    return f"{name} is undefined: {scores.undefined.get(name, 'it was not computed')}"


def _figures(*values: float) -> list[str]:
    """Write numbers with as many decimals, four or more, as it takes to tell them from each other and from 0."""
    distinct = {0.0, *values}
    decimals = 4
    while decimals < 16 and len({f"{value:.{decimals}f}" for value in distinct}) < len(distinct):
        decimals += 1
    return [f"{value:,.{decimals}f}" for value in values]
