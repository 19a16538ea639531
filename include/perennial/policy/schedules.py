"""When a policy trains: by a calendar, or by drift tests and the governor."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from perennial.deployment import Deployment
from perennial.errors import ChampionUnusable
from perennial.monitoring.advance import advance
from perennial.monitoring.drift_tests.reference import Reference
from perennial.monitoring.earlier_checks import History, counts_for
from perennial.monitoring.governor import govern
from perennial.monitoring.records import DriftTestResult, LedgerEntry, OpenCheck, RetrainingOutcome
from perennial.monitoring.state import load_state, save_state
from perennial.monitoring.steps import TESTS
from perennial.policy.matrix import Matrix
from perennial.policy.replay import Replay
from perennial.policy.replayed_check import ReplayedReader
from perennial.run import MonitorRun
from perennial.spec import ModelSpec
from perennial.spec.monitoring import DriftTestName
from perennial.store.local import LocalStore


class Schedule(Protocol):
    """Decides when to train. Made for one walk: it may remember what it has seen."""

    cpu_seconds: float
    """CPU seconds that the decisions have cost."""

    def due(self, batch: int, champion: int) -> bool:
        """Tell whether to train at a batch's end, given the newest champion."""


@dataclass
class Calendar:
    """Trains after each batch whose number has the remainder `phase` when divided by `every`; `every` 0: never."""

    every: int
    phase: int = 0
    cpu_seconds: float = 0.0

    def due(self, batch: int, champion: int) -> bool:  # noqa: ARG002 - does not depend on it
        """See Schedule."""
        return self.every > 0 and batch % self.every == self.phase


@dataclass
class Measured:
    """Results that depend only on champion and batch, with their cost; shared by policies.

    Those of detectors and charts, which depend on earlier batches, are among them, since each champion is tested on every
    batch after its training.
    """

    references: dict[tuple[str, bool], Reference] = field(default_factory=dict)
    found: dict[tuple[DriftTestName, int, int], tuple[DriftTestResult, float]] = field(default_factory=dict)


class DriftTriggers:
    """The spec's drift tests with the spec's governor, as the monitoring DAG would have run them batch by batch.

    Parameters
    ----------
    spec : ModelSpec
        Its `retraining.triggers` are the tests that are made.
    replay : Replay
    matrix : Matrix
    refit : bool
        True: the champions are the served models.
    folder : Path
        An empty folder, for the state of this walk, as in a store.
    measured : Measured
        Results for the same spec (`retraining` may differ) and the same `refit`.
    """

    def __init__(
        self, spec: ModelSpec, replay: Replay, matrix: Matrix, *, refit: bool, folder: Path, measured: Measured
    ) -> None:
        store = LocalStore(folder)
        run = MonitorRun(
            spec=spec,
            deployment=Deployment(store=store, tracking_uri="", data_root=folder),
            now=replay.ends[-1],
        )
        self.cpu_seconds = 0.0
        self.entries: list[LedgerEntry] = []
        self._run = run
        self._reader = ReplayedReader(run, replay, matrix, refit=refit, references=measured.references)
        self._measured = measured
        self._outcomes: dict[str, RetrainingOutcome] = {}
        self._pending: tuple[str, int] | None = None

    def due(self, batch: int, champion: int) -> bool:
        """See Schedule."""
        self._settle(champion)
        spec, check = self._run.spec, self._reader.check(batch, champion)
        results = [self._measure(name, check) for name in spec.retraining.triggers]
        state, version = load_state(self._run.store, spec.name)
        decision = govern(
            spec,
            check,
            results,
            History(
                recent=[entry for entry in reversed(self.entries) if counts_for(check, entry)],
                triggers=[entry for entry in reversed(self.entries) if entry.decision.outcome == "trigger"],
                outcomes=self._outcomes,
                champion_version=str(champion),
                alarm=state.alarm,
                latest=check.as_of,
            ),
        )
        entry = LedgerEntry(
            sequence=batch, model=spec.name, as_of=check.as_of, check=check, results=tuple(results), decision=decision
        )
        self.entries.append(entry)
        save_state(self._run.store, spec.name, advance(state, entry), version)
        if decision.outcome != "trigger":
            return False
        assert decision.run_id is not None  # noqa: S101 - every trigger has one
        self._pending = (decision.run_id, batch)
        return True

    def _settle(self, champion: int) -> None:
        """Record how the last triggered retraining has ended."""
        if self._pending is not None:
            run_id, candidate = self._pending
            result = "promoted" if champion == candidate else "rejected"
            self._outcomes[run_id] = RetrainingOutcome.model_validate({"run_id": run_id, "result": result})
            self._pending = None

    def _measure(self, name: DriftTestName, check: OpenCheck) -> DriftTestResult:
        assert check.champion is not None  # noqa: S101 - a replay begins with one
        key = (name, int(check.champion.version), check.sequence)
        if key in self._measured.found:
            result, seconds = self._measured.found[key]
        else:
            began = time.process_time()
            try:
                result = TESTS[name](self._reader, check)
            except ChampionUnusable as reason:
                result = DriftTestResult(test=name, status="not tested", sentence=f"{name}: not tested, {reason}.")
            seconds = time.process_time() - began
            self._measured.found[key] = (result, seconds)
        self.cpu_seconds += seconds
        return result


def triggered_by(spec: ModelSpec, tests: Sequence[DriftTestName]) -> ModelSpec:
    """Return a spec with only these tests as triggers."""
    return spec.model_copy(update={"retraining": spec.retraining.model_copy(update={"triggers": tuple(tests)})})
