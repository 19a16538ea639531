"""What a check of the sensor DAG measures, decides and remembers: small, frozen, JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from perennial.data.snapshots.records import FutureRows
from perennial.drift.charts.chart_state import ChartState
from perennial.drift.columns.report import ColumnDrift
from perennial.ensemble.records import Reweighting
from perennial.record import Record
from perennial.registry.records import Champion
from perennial.spec.monitoring import DriftTestName


class MonitorState(Record):
    """How far a model has been watched. One object per model, replaced only over the version that was read."""

    sequence: int = 0
    """Number of the last closed check."""
    cursor: datetime | None = None
    """Event time up to which rows have been checked."""
    matured_cursor: datetime | None = None
    """Event time up to which labelled rows have gone through Page-Hinkley and the performance test."""
    champion_version: str | None = None
    """The champion that `page_hinkley` watches; another one begins afresh."""
    page_hinkley: dict[str, Any] | None = None
    """The detector's state; None: it begins afresh."""
    charts: dict[DriftTestName, ChartState] = {}
    """What the columns' charts have learnt since that champion came; another one begins afresh."""
    seen: CheckedRows | None = None
    """The rows behind the cursor that were checked; rows not among them come late. None: nothing can be said to."""
    alarm: Alarm | None = None
    """A drift that was found and held back: it is weighed again with every check until it is settled."""
    set_back: SetBack | None = None
    """The last time that someone set the cursor back."""


class CheckedRows(Record):
    """Rows that a check found in the source, so that a later one knows which came late."""

    key: str
    """Store key of their identities."""
    after: datetime
    """Event time after which all are there; of older rows nothing is known."""
    columns: tuple[str, ...]
    """What the identities are made of; those of another spec cannot be compared."""


class Alarm(Record):
    """Tests that have fired and may trigger, but were held back or coalesced."""

    tests: tuple[DriftTestName, ...]
    champion_version: str | None
    """The champion that it speaks of; with another champion the alarm is settled."""
    sequence: int
    """The check that found it."""
    as_of: datetime
    until: datetime | None = None
    """When the limit that holds it back lapses; None: a retraining under way has to end."""


class SetBack(Record):
    """Someone set the cursor back. Checks before this one may bear event times that never came."""

    sequence: int
    """Number of the ledger's entry about it."""
    to: datetime
    by: str
    reason: str


class OpenCheck(Record):
    """A check as it was begun. Created once per sequence number: whoever repeats it works on the same rows."""

    model: str
    sequence: int
    as_of: datetime
    watched_as: str
    """Digest of the spec's fields that the check follows from."""
    champion: Champion | None
    cursor: datetime | None
    """The state's cursor before the check; None: there is nothing to compare rows with."""
    cursor_after: datetime | None = None
    """The cursor after the check, which no `as_of` takes beyond the source's newest event time; None: `as_of`."""
    batch: str | None
    """Store key of the new and late rows; None: there are none."""
    rows: int
    """Rows after the cursor."""
    late_rows: int
    """Rows behind the cursor that no earlier check has seen, and that this one checks."""
    matured: str | None
    """Store key of the labelled rows for Page-Hinkley and the performance test; None: there are none."""
    matured_rows: int
    matured_until: datetime | None
    """Labels of events up to here can be trusted at `as_of`."""
    too_late_rows: int
    """Late rows whose label should have matured before: Page-Hinkley, which takes rows in order, does without them."""
    seen: CheckedRows | None
    """The rows that will have been checked after this."""
    rows_since_training: int
    """Rows newer than the champion's snapshot."""
    future: FutureRows | None = None
    """Rows that no check takes, since they lie in the future; None: there are none."""

    @property
    def incomparable(self) -> str | None:
        """Why there is nothing to compare rows with; None: there is a champion, and a snapshot that it came from."""
        return incomparable(self.champion)


def incomparable(champion: Champion | None) -> str | None:
    """Say why a model has nothing to compare rows with; None: it has a champion, and that its snapshot."""
    if champion is None:
        return "there is no champion yet"
    return f"champion v{champion.version} was not registered by Perennial" if champion.is_foreign else None


class DriftTestResult(Record):
    """What one test of a check found."""

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
    reweighting: Reweighting | None = None
    """Of the performance test, which asks the members anyway: how these rows move the weights of models that serve
    together."""


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


class Decision(Record):
    """What the governor made of the tests."""

    outcome: Literal["trigger", "coalesce", "hold", "none"]
    reasons: tuple[str, ...]
    fired: tuple[DriftTestName, ...] = ()
    """Tests that argue for a retraining now, pending ones included."""
    warned: tuple[DriftTestName, ...] = ()
    """Tests that fired but may only warn."""
    run_id: str | None = None
    """Of the retraining that is triggered: the digest of check and decision."""
    alarm: Alarm | None = None
    """What stays pending."""
    held_by: Literal["source", "breaker", "cool-down", "budget", "weights"] | None = None
    """What holds the retraining back: a limit, a source that looks broken, or that moved weights do instead."""


class LedgerEntry(Record):
    """A check, whole: rows, figures, decision. Created once per sequence number and never changed."""

    sequence: int
    model: str
    as_of: datetime
    check: OpenCheck
    results: tuple[DriftTestResult, ...]
    decision: Decision
    last_trigger: int | None = None
    """The newest earlier check that triggered: whoever looks for these goes from one to the next, not through all."""
    set_back: SetBack | None = None
    """This is not a check: someone set the cursor back. The check has no rows, and ends where the cursor stands now."""

    @property
    def reweighting(self) -> Reweighting | None:
        """How the check moved the weights of models that serve together; None: it did not.

        A coalesced one moves nothing: its rows are checked again.
        """
        return None if self.decision.outcome == "coalesce" else reweighting_of(self.results)


def reweighting_of(results: Iterable[DriftTestResult]) -> Reweighting | None:
    """Return what one of a check's tests found about the weights, if any did."""
    return next((result.reweighting for result in results if result.reweighting is not None), None)


class BreakerClosed(Record):
    """Someone closed the breaker by hand: rejections before this check no longer count."""

    after_sequence: int
    by: str
    reason: str = ""


MonitorState.model_rebuild()
