"""Replays, checks and retrainings as the demo gathers them, made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from demo.periods import batches
from demo.replay import Check, Replayed
from demo.retraining import Retraining
from perennial.data.snapshots.records import Snapshot
from perennial.drift.columns.report import ColumnDrift, MissingRate
from perennial.evaluation.records import Evaluation, Scores
from perennial.monitoring.records import Decision, DriftTestResult, LedgerEntry, OpenCheck
from perennial.promotion.records import GateResult, RegisteredVersion
from perennial.registry.records import Champion
from perennial.stages import STAGES
from tests.candidates import candidate, split_plan
from tests.verdicts import judged

LANDED = datetime(2026, 1, 1, tzinfo=UTC)
PROMOTED = LANDED + timedelta(seconds=12.5)


def retraining(title: str, *, champion: float | None, outcome: str) -> Retraining:
    start, end = datetime(2013, 1, 1, 10, tzinfo=UTC), datetime(2013, 3, 1, 4, 59, tzinfo=UTC)
    return Retraining(
        title=title,
        run_id=f"run-{title}",
        snapshot=Snapshot(
            model="flight_delay", digest="1" * 64, rows=51955, start=start, end=end, window_start=None, as_of=end,
            schema_={}, size_bytes=1, rows_read=51955, exact_duplicates=0, key_duplicates=0,
        ),
        candidate=candidate(split=split_plan(train_rows=36570, holdout_rows=12488, unlabelled_rows=2897)),
        evaluation=Evaluation.model_construct(
            rows=12488,
            candidate=Scores(metrics={"roc_auc": 0.65344}),
            champion=None if champion is None else Scores(metrics={"roc_auc": champion}),
        ),
        verdict=judged(
            outcome,
            "The champion [v1] is better.",
            gates=[GateResult(name="champion", passed=outcome == "promote", sentence="0.6534 against 0.6829")],
            champion_version="1",
        ),
        registered=RegisteredVersion(name="flight_delay", version="7", alias="challenger"),
        seconds=dict.fromkeys(STAGES, 1.25) | {"promote": None},
        promoted=PROMOTED if outcome == "promote" else None,
    )  # fmt: skip


def entry(*results: DriftTestResult, champion: str = "3", **decision: Any) -> LedgerEntry:
    """A check of the first batch of the year."""
    as_of = batches()[0].as_of
    opened = OpenCheck.model_construct(
        model="flight_delay", sequence=4, as_of=as_of, rows=13084, champion=Champion.model_construct(version=champion)
    )
    return LedgerEntry.model_construct(
        sequence=4,
        model="flight_delay",
        as_of=as_of,
        check=opened,
        results=results or (ks(), page_hinkley(), performance()),
        decision=Decision(**({"outcome": "none", "reasons": ("No test fired.",)} | decision)),
    )


def ks(*drifted: str, status: str = "quiet") -> DriftTestResult:
    missing = MissingRate(reference=0, current=0, pvalue=1, adjusted_pvalue=1)
    columns = [
        ColumnDrift(column=name, test="kolmogorov_smirnov", tested=True, drifted=name in drifted, missing=missing)
        for name in ("temp", "dewp", "hour")
    ]
    return DriftTestResult(
        test="ks",
        status=status,  # type: ignore[arg-type]
        sentence="ks: as asked.",
        figures={"largest_column": "temp", "largest_effect": 0.912},
        columns=tuple(columns),
    )


def page_hinkley(*, over_threshold: float = 0.61, detections: int = 0) -> DriftTestResult:
    status: Any = "fired" if detections else "quiet"
    figures = {"over_threshold": over_threshold, "detections": detections}
    return DriftTestResult(test="page_hinkley", status=status, sentence="page_hinkley: as asked.", figures=figures)


def performance(*, status: Any = "quiet") -> DriftTestResult:
    return DriftTestResult(test="performance", status=status, sentence="performance: so.", figures={"roc_auc": 0.68567})


def check(made: LedgerEntry | None = None, *, retraining: Retraining | None = None) -> Check:
    return Check(batches()[0], LANDED, made or entry(), 9.0, retraining)


def replayed(first: Retraining, checks: list[Check], model: str = "flight_delay") -> Replayed:
    return Replayed(model, first, checks)


def cells(line: str) -> list[str]:
    """The cells of a printed table's line; other lines are one."""
    line = line.strip().replace("┃", "│")
    return [cell.strip() for cell in line[1:-1].split("│")] if line.startswith("│") else [line]
