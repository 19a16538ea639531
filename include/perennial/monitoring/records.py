"""The records of monitoring: state, checks, results and decisions. Small, frozen, JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from perennial.data.snapshots.records import FutureRows
from perennial.drift.charts.chart_state import ChartState
from perennial.drift.columns.report import ColumnDrift
from perennial.ensemble.records import Reweighting
from perennial.evaluation.slices.records import WatchedSlices
from perennial.record import Record
from perennial.registry.records import Champion
from perennial.spec.monitoring import DriftTestName


class MonitorState(Record):
    """How far a model has been monitored.

    One object per model, replaced only if its version is the one that was read.
    """

    sequence: int = 0
    """Number of the last closed check."""
    cursor: datetime | None = None
    """Event time up to which rows have been checked."""
    matured_cursor: datetime | None = None
    """Event time up to which labelled rows were used by Page-Hinkley and the performance test."""
    champion_version: str | None = None
    """The champion that `page_hinkley` is for; for another one the detector starts again."""
    page_hinkley: dict[str, Any] | None = None
    """The detector's state; None: a new detector."""
    charts: dict[DriftTestName, ChartState] = {}
    """What the columns' charts have learnt since that champion was promoted; for another champion they start again."""
    seen: CheckedRows | None = None
    """The rows behind the cursor that were checked; other rows are late. None: late rows cannot be recognised."""
    alarm: Alarm | None = None
    """Drift that was found and held back: it is decided again with every check until it is settled."""
    set_back: SetBack | None = None
    """The last time that someone set the cursor back."""


class CheckedRows(Record):
    """Rows that a check found in the source, so that a later check can recognise late rows."""

    key: str
    """Store key of their identities."""
    after: datetime
    """Event time after which all rows are included; nothing is known of older rows."""
    columns: tuple[str, ...]
    """The columns of the identities; identities of other columns cannot be compared."""


class Alarm(Record):
    """Tests that have fired and may trigger, but were held back or coalesced."""

    tests: tuple[DriftTestName, ...]
    champion_version: str | None
    """The champion that it is about; with another champion the alarm is settled."""
    sequence: int
    """The check that found it."""
    as_of: datetime
    until: datetime | None = None
    """When the limit that holds it back ends; None: it waits for the end of a retraining."""


class SetBack(Record):
    """Someone set the cursor back. Checks before this one may have wrong, later event times."""

    sequence: int
    """Number of its ledger entry."""
    to: datetime
    by: str
    reason: str


class OpenCheck(Record):
    """A check as it was begun. Created once per sequence number, so that repeated steps use the same rows."""

    model: str
    sequence: int
    as_of: datetime
    watched_as: str
    """Digest of the spec's fields that can change the check."""
    champion: Champion | None
    cursor: datetime | None
    """The state's cursor before the check; None: there is nothing to compare rows with."""
    cursor_after: datetime | None = None
    """The cursor after the check, at most the source's newest event time; None: `as_of`."""
    batch: str | None
    """Store key of the new and late rows; None: there are none."""
    rows: int
    """Number of rows after the cursor."""
    late_rows: int
    """Number of rows behind the cursor that no earlier check has seen, and that this one checks."""
    matured: str | None
    """Store key of the labelled rows for Page-Hinkley and the performance test; None: there are none."""
    matured_rows: int
    matured_until: datetime | None
    """Event time up to which labels are known at `as_of`."""
    too_late_rows: int
    """Number of late rows whose label should have matured before.

    Page-Hinkley takes rows in order, so it skips them.
    """
    seen: CheckedRows | None
    """The rows that count as checked after this check."""
    rows_since_training: int
    """Number of rows newer than the champion's snapshot."""
    future: FutureRows | None = None
    """Rows that are not checked because they lie in the future; None: there are none."""
    moved_by_hand: str = ""
    """A sentence, if someone has set the alias `champion` in MLflow since the check before; else empty."""

    @property
    def incomparable(self) -> str | None:
        """Why rows cannot be compared; None: there is a champion with a snapshot."""
        return incomparable(self.champion)


def incomparable(champion: Champion | None) -> str | None:
    """Return why rows cannot be compared; None: there is a champion with a snapshot."""
    if champion is None:
        return "there is no champion yet"
    return f"champion v{champion.version} was not registered by Perennial" if champion.is_foreign else None


class VersionBefore(Record):
    """How the version that a new champion replaced does on the rows on which the champion falls under its floor."""

    version: str
    holds: bool
    """Whether it reaches all floors."""
    sentence: str


class DriftTestResult(Record):
    """The result of one test of a check."""

    test: DriftTestName
    status: Literal["fired", "quiet", "not tested"]
    sentence: str
    figures: dict[str, float | int | str | None] = {}
    columns: tuple[ColumnDrift, ...] = ()
    broken: tuple[str, ...] = ()
    """Columns in which the source looks broken: nothing to learn from before someone has looked."""
    detector: dict[str, Any] | None = None
    """Page-Hinkley's state after these rows."""
    chart: ChartState | None = None
    """What the columns' chart has learnt, these rows included."""
    slices: WatchedSlices | None = None
    """Of the performance test: how the champion does in the spec's slices."""
    reweighting: Reweighting | None = None
    """Of the performance test, which asks the members anyway: how these rows move the weights of models that serve
    together."""
    before: VersionBefore | None = None
    """Of the performance test: the version before, if the spec wants a new champion under its floor taken back."""


class RetrainingOutcome(Record):
    """How a retraining ended."""

    run_id: str
    result: Literal["promoted", "rejected", "inconclusive", "failed", "running"]
    """`inconclusive`: proved neither better nor worse, and so not promoted."""
    sentence: str = ""


class Failure(Record):
    """A retraining that failed for good: the same call would fail again."""

    run_id: str
    sentence: str


class DecidedRollback(Record):
    """A new champion falls under its floor, and the version before holds it."""

    version: str
    """The version before, which is to be champion again."""
    when: Literal["act", "ask"]
    """Whether the monitor rolls back, or asks a person to."""
    reason: str
    sentence: str
    """How both versions do on the same rows."""
    run_id: str
    """Names the rollback, made from a digest of check and results."""


class Decision(Record):
    """The governor's decision on a check."""

    outcome: Literal["trigger", "coalesce", "hold", "none"]
    reasons: tuple[str, ...]
    fired: tuple[DriftTestName, ...] = ()
    """Tests that call for a retraining now, including pending ones."""
    warned: tuple[DriftTestName, ...] = ()
    """Tests that fired but may only warn."""
    run_id: str | None = None
    """Run id of the retraining that is triggered, made from a digest of check and results."""
    alarm: Alarm | None = None
    """The alarm that stays pending."""
    held_by: Literal["source", "breaker", "cool-down", "budget", "weights", "rollback"] | None = None
    """What holds the retraining back: a limit, a source that looks broken, changed weights that are enough, or a
    rollback."""
    rollback: DecidedRollback | None = None


class LedgerEntry(Record):
    """A complete check: rows, figures, decision. Created once per sequence number and never changed."""

    sequence: int
    model: str
    as_of: datetime
    check: OpenCheck
    results: tuple[DriftTestResult, ...]
    decision: Decision
    last_trigger: int | None = None
    """The newest earlier check that triggered a retraining, so that these can be read without reading all entries."""
    set_back: SetBack | None = None
    """Set if this is not a check, but someone set the cursor back.

    Then `check` has no rows, and ends at the new cursor.
    """

    @property
    def reweighting(self) -> Reweighting | None:
        """How the check changed the weights of models that serve together; None: it did not.

        A coalesced check changes nothing, since its rows are checked again.
        """
        return None if self.decision.outcome == "coalesce" else reweighting_of(self.results)


def reweighting_of(results: Iterable[DriftTestResult]) -> Reweighting | None:
    """Return the change of the weights that one of a check's tests found; None: no test did."""
    return next((result.reweighting for result in results if result.reweighting is not None), None)


class BreakerClosed(Record):
    """Someone closed the breaker by hand: rejections before this check no longer count."""

    after_sequence: int
    by: str
    reason: str = ""


MonitorState.model_rebuild()
