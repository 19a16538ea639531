"""The stages of a retraining, in order, as Airflow's tasks, the command line, alerts and metrics use them.

A stage takes the run and the records of earlier stages, and returns one small record. Called again with the same
arguments, after a crash at any point, it leaves the same result as if it had run once.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perennial.data.snapshots.records import Snapshot
from perennial.data.snapshots.run_on import run_on
from perennial.ensemble.records import Assembly
from perennial.evaluation.records import Evaluation
from perennial.models.candidate import Candidate
from perennial.models.refit import Refit
from perennial.models.tuning import Search, Tuning
from perennial.packages.records import Packages, Publication
from perennial.promotion.records import Promotion, RegisteredVersion, Verdict
from perennial.validation.records import Validation

if TYPE_CHECKING:
    from perennial.record import Record
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec


def _always(_run: RetrainingRun, *_: object) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage. Call it with the run and the records that it takes; it returns the record that it makes.

    Attributes
    ----------
    name : str
        The task's id, and the name that people see.
    function : str
        The function that does it, as 'module:function'; imported when called, since a task needs only its own
        libraries.
    takes : tuple of str
        Names of the records that earlier stages made, in the order in which the function takes them.
    makes : str
        Name of the record that it makes.
    returns : type of Record
        That record's class.
    reads_rows : bool
        The stage reads rows, so it needs the memory and the pool of a heavy task. The other stages read records only.
    owns_run : bool
        Two processes must not do it for the same run at the same time, so it holds the run's lease.
    again : str
        What a repeated call does, and how to undo the stage.
    why_not : callable
        Takes the function's arguments, with None for a record that was not made; returns why there is nothing to do, or
        ''.
    """

    name: str
    function: str
    takes: tuple[str, ...] = ()
    makes: str
    returns: type[Record]
    reads_rows: bool
    owns_run: bool
    again: str
    why_not: Callable[..., str] = _always

    @property
    def module(self) -> str:
        """The module of its function, whose import loads all libraries of the stage."""
        return self.function.partition(":")[0]

    def __call__(self, run: RetrainingRun, *records: Record | None) -> Any:
        """Run the stage, and return a record of the class `returns`.

        Raises
        ------
        PerennialError
            Whatever its function raises.
        """
        from perennial.run_owner import owned

        for snapshot in (record for record in records if isinstance(record, Snapshot)):
            run = run_on(run, snapshot)
        function = getattr(importlib.import_module(self.module), self.function.partition(":")[2])
        if not self.owns_run:
            return function(run, *records)
        with owned(run) as owned_run:
            return function(owned_run, *records)


def _nothing_to_search(run: RetrainingRun, _snapshot: Snapshot) -> str:
    return "" if run.spec.tunes else "The spec names one estimator: there is nothing to search"


def _nothing_to_refit(run: RetrainingRun, _snapshot: Snapshot, _candidate: Candidate, verdict: Verdict) -> str:
    if run.dry_run:
        return f"Dry run: nothing is refit. The verdict was: {verdict.sentence}"
    if verdict.consequence == "reject":
        return verdict.sentence
    return "" if run.spec.model.refit else "model.refit is off: the model that was judged serves"


def _nothing_to_assemble(
    run: RetrainingRun, _candidate: Candidate, evaluation: Evaluation, verdict: Verdict, _refit: Refit | None
) -> str:
    if run.dry_run:
        return f"Dry run: nothing is put together. The verdict was: {verdict.sentence}"
    if verdict.consequence == "reject":
        return verdict.sentence
    if evaluation.ensemble is not None:
        return ""
    if run.spec.model.ensemble is None:
        return "model.ensemble is not set: one model serves"
    return "The candidate was judged alone: there is no other model that could serve together with it"


def _nothing_to_package(
    run: RetrainingRun, _candidate: Candidate, verdict: Verdict, _refit: Refit | None, _assembly: Assembly | None
) -> str:
    if not run.spec.packages:
        return "The spec asks for no packages"
    if run.dry_run:
        return f"Dry run: nothing is packaged. The verdict was: {verdict.sentence}"
    return "" if verdict.consequence != "reject" else verdict.sentence


def _nothing_to_rehearse(run: RetrainingRun, *_: object) -> str:
    # Without packages, since nothing is promoted, it returns the verdict as it is: later stages take it from here.
    return "" if run.spec.packages else "The spec asks for no packages"


def _nothing_to_publish(run: RetrainingRun, _packages: Packages | None, promotion: Promotion | None) -> str:
    if promotion is None:
        return "Nothing was promoted, so there is nothing to publish"
    return "" if run.spec.publish else "The spec names no package index"


def _nothing_to_register(
    run: RetrainingRun,
    _candidate: Candidate,
    _evaluation: Evaluation,
    verdict: Verdict,
    _refit: Refit | None,
    _assembly: Assembly | None,
) -> str:
    return f"Dry run: nothing is registered. The verdict was: {verdict.sentence}" if run.dry_run else ""


def _nothing_to_approve(run: RetrainingRun, registered: RegisteredVersion | None, verdict: Verdict) -> str:
    if run.dry_run:
        return f"Dry run: nobody is asked. The verdict was: {verdict.sentence}"
    if registered is None:
        return "Nothing was registered, so there is nothing to ask about"
    return "" if verdict.consequence == "ask" else verdict.sentence


def _nothing_to_promote(
    run: RetrainingRun, registered: RegisteredVersion | None, verdict: Verdict, answered: Verdict | None = None
) -> str:
    if run.dry_run:
        return f"Dry run: nothing is promoted. The verdict was: {verdict.sentence}"
    if registered is None:
        return "Nothing was registered, so there is nothing to promote"
    settled = answered or verdict
    if settled.consequence == "ask":
        return "Nobody has approved the candidate, or it is judged again, against another champion"
    return "" if settled.promotes else settled.sentence


STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            name="ingest",
            function="perennial.retraining.ingest:ingest",
            makes="snapshot",
            returns=Snapshot,
            reads_rows=True,
            owns_run=False,
            again="Rows that are in the store already are kept and not written twice. Nothing needs to be undone.",
        ),
        Stage(
            name="validate",
            function="perennial.retraining.validate:validate",
            takes=("snapshot",),
            makes="validation",
            returns=Validation,
            reads_rows=True,
            owns_run=False,
            again="The snapshot is checked again, and the report replaces the earlier one.",
        ),
        Stage(
            name="tune",
            function="perennial.tuning.tune:tune",
            takes=("snapshot",),
            makes="search",
            returns=Search,
            reads_rows=True,
            owns_run=False,
            again="The search goes on where it stood: no finished trial is repeated.",
            why_not=_nothing_to_search,
        ),
        Stage(
            name="choose",
            function="perennial.tuning.choose:choose",
            takes=("snapshot",),
            makes="tuning",
            returns=Tuning,
            reads_rows=True,
            owns_run=True,
            again="The same trials have the same winner; trials that are left are made first.",
            why_not=_nothing_to_search,
        ),
        Stage(
            name="train",
            function="perennial.training.train:train",
            takes=("snapshot", "tuning"),
            makes="candidate",
            returns=Candidate,
            reads_rows=True,
            owns_run=True,
            again="The run's finished candidate is found in MLflow and kept; an unfinished one is deleted.",
        ),
        Stage(
            name="evaluate",
            function="perennial.retraining.evaluate:evaluate",
            takes=("snapshot", "candidate"),
            makes="evaluation",
            returns=Evaluation,
            reads_rows=True,
            owns_run=True,
            again="Figures and plots replace the earlier ones; after the promotion, the existing ones are kept.",
        ),
        Stage(
            name="decide",
            function="perennial.retraining.decide:decide",
            takes=("evaluation", "candidate"),
            makes="verdict",
            returns=Verdict,
            reads_rows=False,
            owns_run=False,
            again="The same figures give the same verdict.",
        ),
        Stage(
            name="refit",
            function="perennial.training.refit:refit",
            takes=("snapshot", "candidate", "verdict"),
            makes="refit",
            returns=Refit,
            reads_rows=True,
            owns_run=True,
            again="The run's finished refit is found and kept; an unfinished one is deleted.",
            why_not=_nothing_to_refit,
        ),
        Stage(
            name="assemble",
            function="perennial.promotion.assemble:assemble",
            takes=("candidate", "evaluation", "verdict", "refit"),
            makes="assembly",
            returns=Assembly,
            reads_rows=False,
            owns_run=True,
            again="The bundle of the same members and weights is found and kept; an unfinished one is deleted.",
            why_not=_nothing_to_assemble,
        ),
        Stage(
            name="package",
            function="perennial.packages.package:package",
            takes=("candidate", "verdict", "refit", "assembly"),
            makes="packages",
            returns=Packages,
            reads_rows=False,
            owns_run=True,
            again="Packages of the same bundle are found and kept; what a killed attempt left has no record.",
            why_not=_nothing_to_package,
        ),
        Stage(
            name="rehearse",
            function="perennial.rehearsal.rehearse:rehearse",
            takes=("snapshot", "packages", "verdict"),
            makes="verdict",
            returns=Verdict,
            reads_rows=True,
            owns_run=True,
            again="The packages are run and measured again, and the measurements replace the earlier ones.",
            why_not=_nothing_to_rehearse,
        ),
        Stage(
            name="register",
            function="perennial.retraining.register:register",
            takes=("candidate", "evaluation", "verdict", "refit", "assembly"),
            makes="registered",
            returns=RegisteredVersion,
            reads_rows=False,
            owns_run=True,
            again="The candidate's version is found and kept. Nobody uses a version that has no alias.",
            why_not=_nothing_to_register,
        ),
        Stage(
            name="approve",
            function="perennial.retraining.approve:approve",
            takes=("registered", "verdict"),
            makes="answered",
            returns=Verdict,
            reads_rows=False,
            owns_run=True,
            again="The person is asked again, and the newest answer holds.",
            why_not=_nothing_to_approve,
        ),
        Stage(
            name="promote",
            function="perennial.retraining.promote:promote",
            takes=("registered", "verdict", "answered"),
            makes="promotion",
            returns=Promotion,
            reads_rows=False,
            owns_run=True,
            again="A promotion that was made is found. To undo: set the alias `champion` back to the version before.",
            why_not=_nothing_to_promote,
        ),
        Stage(
            name="publish",
            function="perennial.packages.publish:publish",
            takes=("packages", "promotion"),
            makes="publication",
            returns=Publication,
            reads_rows=False,
            owns_run=False,
            again="A wheel that the index has already is left as it is. To undo: yank it there.",
            why_not=_nothing_to_publish,
        ),
    )
}


def stages_of(spec: ModelSpec) -> tuple[str, ...]:
    """Return the names of the stages that a spec asks for, in their order: its retraining DAG has a task for each."""
    without = {
        "tune": not spec.tunes,
        "choose": not spec.tunes,
        "assemble": spec.model.ensemble is None,
        "package": not spec.packages,
        "rehearse": not spec.packages,
        "approve": spec.approval.when == "never",
        "publish": spec.publish is None,
    }
    return tuple(name for name in STAGES if not without.get(name, False))


def maker(record: str, among: Collection[str] = tuple(STAGES)) -> Stage:
    """Return the stage that makes a record; of a verdict, the last of several stages that adds to it.

    Parameters
    ----------
    record : str
    among : collection of str
        Names of the stages that there are, such as a run's tasks.

    Raises
    ------
    KeyError
        None of them makes it.
    """
    return {stage.makes: stage for stage in STAGES.values() if stage.name in among}[record]
