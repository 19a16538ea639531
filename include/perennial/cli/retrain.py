"""Makes one retraining in this process and shows it on a terminal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from perennial.answer import Answer
from perennial.data.snapshots.records import Snapshot
from perennial.data.snapshots.run_on import run_on
from perennial.digests import retraining_digest
from perennial.ensemble.records import Assembly
from perennial.evaluation.records import Evaluation, Scores
from perennial.models.candidate import Candidate
from perennial.models.refit import Refit
from perennial.models.tuning import Search, Tuning
from perennial.packages.records import Packages, Publication
from perennial.promotion.approval import champion_since, promoted_before
from perennial.promotion.records import GateResult, Promotion, RegisteredVersion, Verdict
from perennial.run_owner import owned
from perennial.stages import STAGES, Stage
from perennial.validation.records import Validation

if TYPE_CHECKING:
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec

FAILED = "failed"


def run_id(spec: ModelSpec, store_uri: str, as_of: datetime | None, window_days: float | None) -> str:
    """Return the same id for the same command, so that it finds the work of an interrupted run.

    The options of a search do not count: more trials go on where fewer have ended.

    A dry run has the same id, so that the real run after it judges the candidate that the dry run showed.
    """
    moment = None if as_of is None else as_of.astimezone(UTC).isoformat()
    arguments = json.dumps([retraining_digest(spec), store_uri, moment, window_days])
    return f"cli-{hashlib.sha256(arguments.encode()).hexdigest()[:16]}"


Ask = Callable[[RegisteredVersion, Verdict], Answer | None]
"""Asks a person about a candidate; None: there is nobody to ask."""


def _nobody(_registered: RegisteredVersion, _verdict: Verdict) -> None:
    return None


def retrain(run: RetrainingRun, console: Console, *, keep_run_id: bool = False, ask: Ask = _nobody) -> Verdict:
    """Run all stages and show the progress of each, then print gates and verdict.

    Parameters
    ----------
    run : RetrainingRun
    console : rich.console.Console
    keep_run_id : bool
        True: the run's id names one decision, and reports are kept under it. False: they are kept under an id that also
        depends on the rows.
    ask : callable
        Called if the spec wants a person to decide. Without an answer the candidate is registered, and the champion
        stays. If the champion changes while it is asked, the candidate is judged again from `evaluate` on, once for each
        champion, and it is asked again.

    Raises
    ------
    PerennialError
        Any error of a stage; the display ends at that stage.
    """
    columns = (_Mark(finished_text="[green]✓"), TextColumn("{task.description:<8}"), _Seconds(), _Summary())
    with Progress(*columns, console=console) as progress:
        made = _run_stages(run, _Display(progress), keep_run_id, ask)
    evaluation: Evaluation = made["evaluation"]
    verdict: Verdict = made.get("answered") or made["verdict"]
    console.print(_gates(verdict, evaluation, run.spec.evaluation.primary))
    console.print(Text(verdict.sentence, style="bold"))
    if verdict.consequence == "ask" and not run.dry_run:
        console.print("A person has to approve it: repeat the command with --approve and the reason.")
    if run.dry_run:
        console.print("Dry run: nothing was registered, and the champion has not changed.")
    return verdict


def _run_stages(run: RetrainingRun, display: _Display, keep_run_id: bool, ask: Ask) -> dict[str, Any]:
    """Run each stage that is needed, and return name -> record that the stage made."""
    ingest, *making = takewhile(lambda stage: stage.name != "evaluate", STAGES.values())
    snapshot = display.show(ingest, run)
    if not keep_run_id:
        # The reports belong to these rows: the same command on newer rows must not overwrite them.
        run = replace(run, run_id=f"{run.run_id}-{snapshot.digest[:12]}")
    run = run_on(run, snapshot)
    candidate: dict[str, Any] = {ingest.makes: snapshot}
    judged_against: set[str] = set()
    # Owned over all stages: the same command in another process waits, and then finds all results.
    with owned(run, display.say) as run:
        for stage in making:
            taken = [candidate.get(name) for name in stage.takes]
            if not stage.why_not(run, *taken):
                candidate[stage.makes] = display.show(stage, run, *taken)
        while True:
            made, champion = _judge(run, display, candidate, ask)
            if champion is None or champion in judged_against:
                return made
            judged_against.add(champion)
            display.say(f"The champion is {champion} now, so the candidate is judged again.")


def _judge(
    run: RetrainingRun, display: _Display, candidate: Mapping[str, Any], ask: Ask
) -> tuple[dict[str, Any], str | None]:
    """Run the stages from `evaluate` on; return all records, and the champion to judge against if it has changed."""
    made = dict(candidate)
    for stage in dropwhile(lambda stage: stage.name != "evaluate", STAGES.values()):
        taken: list[Any] = [made.get(name) for name in stage.takes]
        if stage.why_not(run, *taken):
            continue
        if stage.name == "approve":
            settled = promoted_before(run, *taken)
            if settled is not None:
                made[stage.makes] = settled
                continue
            with display.paused():
                answer = ask(*taken)
            if answer is None:
                continue
            champion = champion_since(run, *taken) if answer.approved else None
            if champion is not None:
                return made, champion
            run = replace(run, answer=answer)
        made[stage.makes] = display.show(stage, run, *taken)
    return made, None


class _Display:
    """A line for each stage: spinner, name, seconds, and at the end its result."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def say(self, sentence: str) -> None:
        self._progress.console.print(Text(sentence, style="yellow"))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to somebody else inside the block."""
        self._progress.stop()
        yield
        self._progress.start()

    def show(self, stage: Stage, run: RetrainingRun, *taken: Any) -> Any:
        line = self._progress.add_task(stage.name, total=1, summary="")
        try:
            if stage.name == "tune":
                # Imported here, since most specs name one estimator and need no Optuna.
                from perennial.cli.search import search

                made = search(run, taken[0], lambda sentence: self._progress.update(line, summary=sentence))
            else:
                made = stage(run, *taken)
        except BaseException:
            self._progress.update(line, summary=FAILED)
            raise
        self._progress.update(line, completed=1, summary=_SUMMARIES[stage.makes](made, run.spec))
        return made


class _Mark(SpinnerColumn):
    def render(self, task: Task) -> RenderableType:
        return Text("✗", style="red") if task.fields["summary"] == FAILED else super().render(task)


class _Seconds(ProgressColumn):
    def render(self, task: Task) -> Text:
        elapsed = task.finished_time if task.finished else task.elapsed
        return Text(f"{elapsed or 0.0:6.1f} s", style="cyan")


class _Summary(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields["summary"])


def _of_snapshot(snapshot: Snapshot, _: ModelSpec) -> str:
    span = f"{snapshot.start:%Y-%m-%d} to {snapshot.end:%Y-%m-%d}"
    kept = ", there already" if snapshot.reused else ""
    dropped = snapshot.exact_duplicates + snapshot.key_duplicates
    duplicates = f", {dropped:,} duplicates left out" if dropped else ""
    future = f", {snapshot.future.rows:,} from the future set aside" if snapshot.future else ""
    imputed = f", {', '.join(snapshot.imputed)} not in the source and taken as missing" if snapshot.imputed else ""
    left_out = f", {', '.join(snapshot.left_out)} empty and left out" if snapshot.left_out else ""
    return (
        f"{snapshot.rows:,} rows, {span}, snapshot {snapshot.digest[:12]}{kept}{duplicates}{future}{imputed}{left_out}"
    )


def _of_validation(validation: Validation, _: ModelSpec) -> str:
    return f"{validation.expectations} of {validation.expectations} expectations hold"


def _of_search(search: Search, _: ModelSpec) -> str:
    return search.sentence


def _of_tuning(tuning: Tuning, _: ModelSpec) -> str:
    if not tuning.searched:
        return tuning.sentence
    failed = f", {tuning.failed} trials failed" if tuning.failed else ""
    return f"{tuning.choice.in_words}, mean {tuning.metric} {_figure(tuning.score)} over the folds{failed}"


def _of_candidate(candidate: Candidate, _: ModelSpec) -> str:
    rows = " and ".join(f"{one.split.train_rows:,}" for one in candidate.each)
    return f"{rows} rows, {candidate.split.holdout_rows:,} held out, MLflow run {candidate.mlflow_run_id[:12]}"


def _of_evaluation(evaluation: Evaluation, spec: ModelSpec) -> str:
    primary = spec.evaluation.primary
    champion = _figure(_metric(evaluation.champion, primary))
    return f"{primary} {_figure(_metric(evaluation.candidate, primary))}, champion {champion}"


def _of_verdict(verdict: Verdict, _: ModelSpec) -> str:
    return verdict.outcome


def _of_refit(refit: Refit, _: ModelSpec) -> str:
    return " and ".join(
        "discarded" if one.discarded else f"{one.served.rows:,} rows, up to {one.served.train_end:%Y-%m-%d}"
        for one in refit.each
    )


def _of_assembly(assembly: Assembly, _: ModelSpec) -> str:
    return assembly.sentence


def _of_packages(packages: Packages, _: ModelSpec) -> str:
    if packages.failed:
        return f"none kept: {'; '.join(f'{kind}: {why}' for kind, why in packages.failed.items())}"
    return ", ".join(f"{one.file} ({one.size_bytes / 2**20:.1f} MiB)" for one in packages.made)


def _of_registered(registered: RegisteredVersion, _: ModelSpec) -> str:
    return f"{registered.name} v{registered.version}"


def _of_answered(verdict: Verdict, _: ModelSpec) -> str:
    return verdict.answer.sentence if verdict.answer else ""


def _of_promotion(promotion: Promotion, _: ModelSpec) -> str:
    before = f" in place of v{promotion.previous_version}" if promotion.previous_version else ""
    return f"{promotion.name} v{promotion.version} is champion{before}"


def _of_publication(publication: Publication, _: ModelSpec) -> str:
    return f"{publication.file} is in {publication.index}"


_SUMMARIES: Mapping[str, Callable[[Any, ModelSpec], str]] = {
    "snapshot": _of_snapshot,
    "validation": _of_validation,
    "search": _of_search,
    "tuning": _of_tuning,
    "candidate": _of_candidate,
    "evaluation": _of_evaluation,
    "verdict": _of_verdict,
    "refit": _of_refit,
    "assembly": _of_assembly,
    "packages": _of_packages,
    "registered": _of_registered,
    "answered": _of_answered,
    "promotion": _of_promotion,
    "publication": _of_publication,
}
"""Record -> what is printed of it after the name of its stage."""


def _gates(verdict: Verdict, evaluation: Evaluation, primary: str) -> Table:
    table = Table("gate", title="Gates", title_justify="left")
    for name in ("candidate", "champion", "threshold"):
        table.add_column(name, justify="right")
    table.add_column("passed")
    for blessing in verdict.blessings:
        table.add_section()
        for gate in blessing.gates:
            champion = _metric(evaluation.champion, _metric_of(gate, primary))
            table.add_row(gate.name, _figure(gate.value), _figure(champion), _figure(gate.threshold), _passed(gate))
    return table


def _passed(gate: GateResult) -> Text:
    if gate.inconclusive:
        said = Text("inconclusive", style="yellow")
    else:
        said = Text("yes", style="green") if gate.passed else Text("no", style="red")
    return said.append(" (dry run)", style="default") if gate.dry_run else said


def _metric_of(gate: GateResult, primary: str) -> str:
    """Return the metric that a gate is about: `minimum roc_auc` names it, `champion` compares the primary one."""
    return primary if gate.name in ("champion", "primary metric") else gate.name.rpartition(" ")[2]


def _metric(scores: Scores | None, name: str) -> float | None:
    return None if scores is None else scores.metrics.get(name)


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value.is_integer() and abs(value) >= 2 else f"{value:,.4f}"
