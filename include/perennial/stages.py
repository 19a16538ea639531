"""The steps of a retraining as plain functions: what the operators and the command line both call.

Each stage takes the run and what earlier stages returned, and returns a small outcome. Called again
with the same arguments, after a crash at any point, it leaves the same result as if it ran once.
"""

from __future__ import annotations

from perennial.data.snapshots.records import Snapshot
from perennial.errors import ValidationFailed
from perennial.evaluation.records import Evaluation
from perennial.printable import PrintableLog
from perennial.promotion.records import Promotion, RegisteredVersion, Verdict
from perennial.run import PROMOTION_FILE, VERDICT_FILE, RetrainingRun
from perennial.run_owner import owned
from perennial.store.sealed import seal
from perennial.training.records import Candidate
from perennial.validation.records import Validation

log = PrintableLog(__name__)

# The library's modules are imported inside the functions: importing this one must stay cheap, since
# the operators do it, and a task needs the libraries of its own stage only.


def ingest(run: RetrainingRun) -> Snapshot:
    """Read the source's window and keep its rows as a snapshot, if a model can be made of them.

    Raises
    ------
    DataError
        The source cannot be read as the spec says, has no rows in the window, or none to train on.
    StoreError
        The store refuses to take the snapshot.
    TrainingError
        The estimator cannot be built, or cannot learn from these rows.
    SpecError
        The labels are not those that the spec speaks of.
    """
    from perennial.data.ingest import ingest as ingest_rows
    from perennial.training.pipeline import build_pipeline
    from perennial.training.prospects import check_prospects

    build_pipeline(run.spec)  # what is wrong with it should not be found after the rows were read
    snapshot = ingest_rows(run)
    check_prospects(run, snapshot)
    return snapshot


def validate(run: RetrainingRun, snapshot: Snapshot) -> Validation:
    """Check the snapshot against the spec's expectations and keep the report.

    Raises
    ------
    ValidationFailed
        An expectation does not hold; the message names each, with columns, counts and examples.
    """
    from perennial.validation.failure import failure_message
    from perennial.validation.validate import validate as validate_rows

    validation = validate_rows(run, snapshot)
    if not validation.passed:
        raise ValidationFailed(failure_message(validation))
    return validation


def train(run: RetrainingRun, snapshot: Snapshot) -> Candidate:
    """Fit the spec's model on all but the holdout and log it to MLflow.

    Raises
    ------
    TrainingError
        The estimator cannot be built, fitted or saved.
    """
    from perennial.training.train import train as train_candidate

    with owned(run) as owned_run:
        return train_candidate(owned_run, snapshot)


def evaluate(run: RetrainingRun, snapshot: Snapshot, candidate: Candidate) -> Evaluation:
    """Score candidate and champion on the same holdout.

    Raises
    ------
    TrainingError
        A model cannot be loaded.
    """
    from perennial.evaluation.evaluate import evaluate as evaluate_candidate

    with owned(run) as owned_run:
        return evaluate_candidate(owned_run, snapshot, candidate)


def decide(run: RetrainingRun, evaluation: Evaluation, candidate: Candidate) -> Verdict:
    """Hold the evaluation against the spec's gates; keep the verdict beside the run's reports."""
    from perennial.promotion.verdict import decide as decide_candidate

    verdict = decide_candidate(evaluation, run.spec, candidate)
    run.store.write(run.prefix + VERDICT_FILE, seal(verdict))
    for gate in verdict.gates:
        log.info("%s %s: %s", "pass" if gate.passed else "FAIL", gate.name, gate.sentence)
    log.info(verdict.sentence)
    return verdict


def register(run: RetrainingRun, candidate: Candidate, evaluation: Evaluation, verdict: Verdict) -> RegisteredVersion:
    """Make the candidate a version of the registered model, tagged with its evidence."""
    from perennial.promotion.registry import register as register_version

    with owned(run) as owned_run:
        return register_version(owned_run, candidate, evaluation, verdict)


def promote(run: RetrainingRun, registered: RegisteredVersion, verdict: Verdict) -> Promotion:
    """Move the alias `champion` to the version.

    Raises
    ------
    PromotionError
        The verdict is no promotion, or the champion is no longer the one that the candidate was judged against.
    """
    from perennial.promotion.registry import promote as promote_version

    with owned(run) as owned_run:
        promotion = promote_version(owned_run, registered, verdict)
    run.store.write(run.prefix + PROMOTION_FILE, seal(promotion))
    return promotion
