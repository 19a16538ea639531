"""Evaluation -> verdict, kept with the run's reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.layout import VERDICT
from perennial.printable import PrintableLog
from perennial.promotion.verdict import decide as decide_candidate
from perennial.store.sealed import seal

if TYPE_CHECKING:
    from perennial.evaluation.records import Evaluation
    from perennial.models.candidate import Candidate
    from perennial.promotion.records import Verdict
    from perennial.run import RetrainingRun

log = PrintableLog(__name__)


def decide(run: RetrainingRun, evaluation: Evaluation, candidate: Candidate) -> Verdict:
    """Decide by the spec's gates whether the candidate is promoted; keep the verdict with the run's reports."""
    verdict = decide_candidate(evaluation, run.spec, candidate)
    run.store.write(run.prefix + VERDICT.name, seal(verdict))
    for blessing in verdict.blessings:
        for gate in blessing.gates:
            found = "FAIL" if gate.failed else "pass" if gate.passed else "no proof"
            shown = " (dry run)" if gate.dry_run else ""
            log.info("%s: %s %s%s: %s", blessing.name, found, gate.name, shown, gate.sentence)
    log.info(verdict.sentence)
    return verdict
