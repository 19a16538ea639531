"""Candidate -> evaluation; then, if the spec asks for it, what drives the candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.evaluation.evaluate import evaluate as evaluate_candidate

if TYPE_CHECKING:
    from perennial.data.snapshots.records import Snapshot
    from perennial.evaluation.records import Evaluation
    from perennial.models.candidate import Candidate
    from perennial.run import RetrainingRun


def evaluate(run: RetrainingRun, snapshot: Snapshot, candidate: Candidate) -> Evaluation:
    """Score the candidate beside the champion; raises as `perennial.evaluation.evaluate.evaluate`.

    Explanations come after the figures are kept, and their failure is only logged.
    """
    evaluation = evaluate_candidate(run, snapshot, candidate)
    if run.spec.evaluation.explain is not None:
        from perennial.explanations.explain import explain

        explain(run, snapshot, candidate, evaluation)
    return evaluation
