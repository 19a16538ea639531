"""The blessing of the metrics: enough rows, every bound reached, not worse than the champion, and something new.

A gate whose figure cannot be measured never passes.
"""

from __future__ import annotations

import math

from perennial.evaluation.records import Evaluation, Scores
from perennial.models.candidate import Candidate
from perennial.promotion.blessings.blessing import bless
from perennial.promotion.blessings.champion_gate import judge_against_champion
from perennial.promotion.news import news
from perennial.promotion.records import Blessing, GateResult
from perennial.promotion.wording import by_how_much, figures, why_undefined
from perennial.spec import ModelSpec
from perennial.spec.metrics import LOWER_IS_BETTER


def bless_metrics(evaluation: Evaluation, spec: ModelSpec, candidate: Candidate) -> Blessing:
    """Judge a candidate by its metrics on the whole holdout, beside the champion's.

    Parameters
    ----------
    evaluation : Evaluation
        The figures of candidate and champion on the same holdout.
    spec : ModelSpec
    candidate : Candidate
    """
    gates = (
        _enough_rows(evaluation, spec),
        *((_two_labels(evaluation),) if spec.task == "classification" else ()),
        _measured(evaluation, spec),
        *(_bounded(evaluation, name, bound) for name, bound in _bounds(spec).items()),
        judge_against_champion(evaluation, spec),
        _something_new(evaluation, candidate),
    )
    met = _headline(evaluation, spec.evaluation.primary)
    return bless("metrics", gates, met, dry_run=spec.evaluation.gates.dry_run)


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
        sentence=f"{name} is {figures(value)[0]}" if passed else why_undefined(evaluation.candidate, name),
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
        reached, asked = figures(value, bound)
        verb = ("keeps to" if passed else "is above") if lower_is_better else ("reaches" if passed else "is below")
        sentence = f"{name} {reached} {verb} the {kind} of {asked}"
    else:
        sentence = why_undefined(evaluation.candidate, name)
    return GateResult(name=f"{kind} {name}", passed=passed, sentence=sentence, value=value, threshold=bound)


def _something_new(evaluation: Evaluation, candidate: Candidate) -> GateResult:
    champion, before = evaluation.champion_is, evaluation.champion_provenance
    again = next((one for one in evaluation.taken_back if not news(one.provenance, candidate.provenance)), None)
    if again is not None:
        found = f"trained from the same rows, by the same recipe and libraries as version {again.version}"
        return GateResult(
            name="news",
            passed=False,
            sentence=f"{found}, which was rolled back: there is nothing new to promote",
        )
    if champion is None:
        return GateResult(name="news", passed=True, sentence="there is no champion that it could equal")
    if evaluation.same_predictions:
        found = f"its predictions for all {evaluation.rows:,} held-out rows equal those of {champion.name}, bit for bit"
        return GateResult(name="news", passed=False, sentence=f"{found}: there is nothing new to promote")
    if before is None:
        found = f"it is not known what {champion.name} was trained from"
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


def _headline(evaluation: Evaluation, name: str) -> str:
    value, rows = _metric(evaluation.candidate, name), f"on {evaluation.rows:,} held-out rows"
    if evaluation.champion_is is None:
        return f"{name} {figures(value)[0]} {rows}, there is no champion yet"
    version, compared = evaluation.champion_is.version, evaluation.comparison
    if compared is None:
        return f"{name} {figures(value)[0]} {rows}, champion v{version} could not be scored on them"
    reached, champions = figures(compared.candidate, compared.champion)
    return (
        f"{name} {reached} on {compared.rows:,} held-out rows, champion v{version} reaches {champions} on the same "
        f"rows: {by_how_much(compared)}"
    )


def _metric(scores: Scores, name: str) -> float:
    return scores.metrics.get(name, math.nan)
