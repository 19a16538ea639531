"""Candidate -> registered version, with its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.model_card.write import write_card
from perennial.promotion.registry import register as register_version

if TYPE_CHECKING:
    from perennial.ensemble.records import Assembly
    from perennial.evaluation.records import Evaluation
    from perennial.models.candidate import Candidate
    from perennial.models.refit import Refit
    from perennial.promotion.records import RegisteredVersion, Verdict
    from perennial.run import RetrainingRun


def register(
    run: RetrainingRun,
    candidate: Candidate,
    evaluation: Evaluation,
    verdict: Verdict,
    refit: Refit | None = None,
    assembly: Assembly | None = None,
) -> RegisteredVersion:
    """Make the candidate a version; raises as `perennial.promotion.registry.register`."""
    registered = register_version(run, candidate, evaluation, verdict, refit, assembly)
    write_card(run, registered.version)
    return registered
