"""Whether a candidate may become champion: a pure function of what was measured and what the spec asks.

Nothing is read or changed here. The candidate is judged from every side that the spec asks about; each gives a
blessing or refuses it, and says in words what it found. Promotion needs all blessings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from perennial.evaluation.records import Evaluation
from perennial.models.candidate import Candidate
from perennial.promotion.blessings.fairness import bless_fairness
from perennial.promotion.blessings.metrics import bless_metrics
from perennial.promotion.blessings.slices import bless_slices
from perennial.promotion.records import Blessing, Outcome, Verdict
from perennial.spec import ModelSpec


def decide(evaluation: Evaluation, spec: ModelSpec, candidate: Candidate) -> Verdict:
    """Judge a candidate by the spec's gates.

    Parameters
    ----------
    evaluation : Evaluation
        The figures of candidate and champion on the same holdout.
    spec : ModelSpec
    candidate : Candidate

    Returns
    -------
    Verdict
        `promote` only if every blessing is given, `inconclusive` if none is refused.
    """
    blessings = tuple(_blessings(evaluation, spec, candidate))
    champion = evaluation.champion_is
    version = champion.version if champion else None
    return _verdict(blessings, spec, version, candidate.start)


def with_blessing(verdict: Verdict, blessing: Blessing, spec: ModelSpec) -> Verdict:
    """Return a verdict to which another blessing was added, given or refused after the others."""
    before = _sentence(verdict.outcome, verdict.blessings, spec)
    said_besides = verdict.sentence.removeprefix(before).strip() if verdict.sentence.startswith(before) else ""
    return _verdict((*verdict.blessings, blessing), spec, verdict.champion_version, said_besides)


def _verdict(
    blessings: tuple[Blessing, ...], spec: ModelSpec, champion_version: str | None, said_besides: str
) -> Verdict:
    outcome = _worst(blessings)
    return Verdict(
        outcome=outcome,
        consequence=_consequence(outcome, spec),
        sentence=" ".join(filter(None, (_sentence(outcome, blessings, spec), said_besides))),
        blessings=blessings,
        champion_version=champion_version,
    )


def _blessings(evaluation: Evaluation, spec: ModelSpec, candidate: Candidate) -> Iterator[Blessing]:
    yield bless_metrics(evaluation, spec, candidate)
    if spec.evaluation.slices is not None:
        yield bless_slices(evaluation, spec.evaluation.slices, spec.evaluation.gates.dry_run)
    if spec.evaluation.fairness is not None:
        yield bless_fairness(evaluation, spec.evaluation.fairness, spec.evaluation.gates.dry_run)


def _consequence(outcome: Outcome, spec: ModelSpec) -> Literal["promote", "reject", "ask"]:
    when = spec.approval.when
    if when == "always" or (when == "unsure" and outcome == "inconclusive"):
        return "ask"
    return spec.evaluation.gates.inconclusive if outcome == "inconclusive" else outcome


def _worst(blessings: tuple[Blessing, ...]) -> Outcome:
    found = {blessing.outcome for blessing in blessings}
    return "reject" if "reject" in found else "inconclusive" if "inconclusive" in found else "promote"


def _sentence(outcome: Outcome, blessings: tuple[Blessing, ...], spec: ModelSpec) -> str:
    gates = [gate for blessing in blessings for gate in blessing.gates]
    deciding = [gate for gate in gates if not gate.dry_run]
    shown = "".join(f" In a dry run: {gate.sentence}." for gate in gates if gate.dry_run)
    # Only what stands against a promotion; for a promotion, what every blessing says.
    found = "; ".join(one.sentence for one in blessings if outcome == "promote" or one.outcome != "promote")
    if outcome == "reject":
        return f"Rejected: {found}. {sum(gate.failed for gate in deciding)} of {len(deciding)} gates failed.{shown}"
    if outcome == "inconclusive":
        says = {
            "promote": "such a candidate is promoted, as the spec says",
            "reject": "the champion stays",
            "ask": "a person decides",
        }
        return f"Inconclusive: {found}; {says[_consequence(outcome, spec)]}.{shown}"
    return f"Fit to promote: {found}; all {len(deciding)} gates passed.{shown}"
