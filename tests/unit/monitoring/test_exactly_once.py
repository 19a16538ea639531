"""Whatever crashes, is repeated or is done twice: no alarm is lost, none triggers twice, and no limit is broken."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from itertools import pairwise, zip_longest
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from perennial.deployment import Deployment
from perennial.layout import LEDGER_ENTRY
from perennial.monitoring import ledger
from perennial.monitoring.drift_tests.rows import read_rows
from perennial.monitoring.earlier_checks import History
from perennial.monitoring.governor import govern
from perennial.monitoring.records import DriftTestResult, LedgerEntry, OpenCheck
from perennial.monitoring.state import load_state
from perennial.monitoring.steps import close_check, decide, open_check
from perennial.run import MonitorRun
from perennial.store.local import LocalStore
from perennial.store.sealed import read_record
from tests.unit.monitoring.parcels import (
    NOW,
    Parcels,
    Registry,
    day,
    end_retraining,
    make_champion,
    make_result,
    make_spec,
    write_origin,
)

COOLDOWN, RETRAININGS, BUDGET_DAYS, REJECTIONS, RESET_DAYS, LATENESS = 2, 3, 12, 2, 6, 2
SPEC = make_spec(
    {"min_rows": 2, "lateness_days": LATENESS, "require": {"checks": 2, "of": 3}},
    {
        "cooldown_days": COOLDOWN,
        "at_most": {"retrainings": RETRAININGS, "days": BUDGET_DAYS},
        "breaker": {"rejections": REJECTIONS, "reset_days": RESET_DAYS},
    },
)
STEPS = ("open", "decide", "trigger", "close")
DAYS = st.sampled_from([0.5, 1.0, 3.0])
LATE = st.lists(st.sampled_from([0.5, 1.5, 2.5]), max_size=2)
STATUSES = st.sampled_from(["fired", "fired", "quiet", "not tested"])
FOUND = st.fixed_dictionaries({"ks": STATUSES, "page_hinkley": STATUSES})
ENDINGS = st.sampled_from(["rejected", "promoted", "failed"])
Work = tuple[OpenCheck, tuple[DriftTestResult, ...]]


class Monitor(RuleBasedStateMachine):
    """Checks of one model, made by workers that die and by others that do not know that they were replaced."""

    @initialize(trained=st.booleans())
    def begin(self, trained: bool) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.store = LocalStore(self.root / "store")
        self.parcels = Parcels(self.root / "data")
        self.registry = Registry()
        self.patch = pytest.MonkeyPatch()
        self.registry.stand_in(self.patch)
        self.today = 1.0
        self.misdated = 0
        self.retrainings: dict[str, str] = {}
        self.lost: set[str] = set()
        self.closed_after = 0
        self.decisions: dict[int, bytes] = {}
        self.read: dict[int, LedgerEntry] = {}
        self.rows: dict[str, set[int]] = {}
        self.results: dict[str, tuple[DriftTestResult, ...]] = {}
        self.left_behind: list[Work] = []
        self.delivered: dict[int, float] = {}
        self.expected: set[int] = set()
        self.there_at_opening: dict[str, frozenset[int]] = {}
        self.parcels.deliver([0], days=[0.5])
        if trained:
            self.crown("1")

    def teardown(self) -> None:
        if hasattr(self, "patch"):
            self.patch.undo()
            self.folder.cleanup()

    # What the world does.

    @rule(days=DAYS, late=LATE)
    def deliver(self, days: float, late: list[float]) -> None:
        """New parcels, and some that were due before."""
        began = self.today
        self.today += days
        times = [began + days / 2, self.today, *(began - back for back in late)]
        first = len(self.delivered) + 1
        ids = range(first, first + len(times))
        state, _ = load_state(self.store, "parcels")
        begun = self.begun()
        for number, time in zip(ids, times, strict=True):
            self.delivered[number] = time
            # A row is promised a check if it is no older than the lateness allows, seen from where checks have come to.
            reached = max(filter(None, [state.cursor, begun.as_of if begun else None]), default=None)
            watched = state.champion_version is not None and state.seen is not None
            if watched and reached and day(time) > reached - timedelta(days=LATENESS):
                self.expected.add(number)
        self.parcels.deliver(ids, days=times)

    @rule()
    def a_clock_is_wrong(self) -> None:
        """A parcel from the future is delivered, which nothing may ever come of."""
        self.misdated += 1
        self.parcels.deliver([-self.misdated], days=[60_000.0 + self.misdated])

    @precondition(lambda self: self.active())
    @rule(result=ENDINGS)
    def a_retraining_ends(self, result: str) -> None:
        run_id = self.active()[0]
        end_retraining(self.store, run_id, result)
        self.retrainings[run_id] = result
        if result == "promoted":
            self.crown(str(1 + int(self.registry.champion.version if self.registry.champion else 0)))

    @precondition(lambda self: any(run_id.startswith("drift-") for run_id in self.active()))
    @rule()
    def a_retraining_is_lost(self) -> None:
        """Neither begun nor known any more, as after Airflow's database was restored."""
        run_id = next(run_id for run_id in self.active() if run_id.startswith("drift-"))
        del self.retrainings[run_id]
        self.lost.add(run_id)

    @precondition(lambda self: not self.active())
    @rule()
    def someone_retrains(self) -> None:
        self.retrainings[f"manual-{len(self.retrainings)}"] = "running"

    @rule()
    def someone_closes_the_breaker(self) -> None:
        self.closed_after = ledger.close_breaker(self.store, "parcels", by="me").after_sequence

    # What workers do.

    @rule(days=DAYS, late=LATE, found=FOUND)
    def check_a_delivery(self, days: float, late: list[float], found: dict[str, str]) -> None:
        self.deliver(days, late)
        self.check(found, "close", twice=False)

    @rule(days=DAYS, result=ENDINGS)
    def see_drift_through(self, days: float, result: str) -> None:
        """Find drift, and end the retraining that may come of it."""
        self.check_a_delivery(days, [], {"ks": "quiet", "page_hinkley": "fired"})
        if self.active():
            self.a_retraining_ends(result)

    @rule(found=FOUND, last=st.sampled_from([*STEPS, "close"]), twice=st.booleans())
    def check(self, found: dict[str, str], last: str, twice: bool) -> None:
        """Go through the steps, up to the last before the crash; perhaps each is done twice."""
        owed = self.owed()
        check = self.open()
        assert owed is None or check == owed
        if twice:
            assert self.open() == check
        if check is None:
            return
        work = self.compare(check, found)
        if last == "open":
            self.left_behind.append(work)
            return
        entry = self.decide(work)
        if twice:
            assert self.decide(work) == entry
        if last == "decide":
            return
        for _ in range(1 + twice):
            self.trigger(entry)
        if last == "trigger":
            return
        closed = load_state(self.store, "parcels")[0].sequence
        for _ in range(1 + twice):
            assert close_check(self.run(), entry).sequence == max(closed, entry.sequence)

    @precondition(lambda self: self.active())
    @rule(days=DAYS)
    def a_champion_comes_while_a_check_is_made(self, days: float) -> None:
        self.deliver(days, [])
        check = self.open()
        if check is None:
            return
        work = self.compare(check, {"ks": "fired", "page_hinkley": "fired"})
        self.a_retraining_ends("promoted")
        entry = self.decide(work)
        self.trigger(entry)
        close_check(self.run(), entry)

    @precondition(lambda self: self.left_behind)
    @rule(which=st.integers(0, 99), close=st.booleans())
    def a_worker_left_behind_goes_on(self, which: int, close: bool) -> None:
        """It holds a check that others may have ended, or begun anew, in the meantime."""
        entry = self.decide(self.left_behind[which % len(self.left_behind)])
        self.trigger(entry)
        if close:
            close_check(self.run(), entry)

    def run(self) -> MonitorRun:
        return MonitorRun(
            spec=SPEC,
            deployment=Deployment(store=self.store, tracking_uri="", data_root=self.root / "data"),
            now=NOW,
            # Without a wrong clock the newest row is of today.
            as_of=None if self.misdated else day(self.today),
            active=self.active(),
            was_started=self.retrainings.__contains__,
        )

    def owed(self) -> OpenCheck | None:
        """Return the check that is to be taken up again, since the newest retraining that was triggered is lost."""
        closed, entries = load_state(self.store, "parcels")[0].sequence, self.entries()
        triggers = [entry for entry in entries if entry.decision.outcome == "trigger"]
        if self.active() or len(entries) > closed or not triggers or triggers[-1].decision.run_id not in self.lost:
            return None
        return triggers[-1].check if triggers[-1].check.champion == self.registry.champion else None

    def crown(self, version: str) -> None:
        write_origin(self.store, version, end=day(self.today))
        self.registry.champion = make_champion(version)

    def active(self) -> tuple[str, ...]:
        return tuple(run_id for run_id, result in self.retrainings.items() if result == "running")

    def begun(self) -> OpenCheck | None:
        state, _ = load_state(self.store, "parcels")
        key = f"parcels/monitor/checks/{state.sequence + 1:08d}/check.json"
        return read_record(self.store, key, OpenCheck, "") if self.store.exists(key) else None

    def open(self) -> OpenCheck | None:
        check = open_check(self.run())
        if check is not None:
            self.there_at_opening.setdefault(check.model_dump_json(), frozenset(self.delivered))
        return check

    def compare(self, check: OpenCheck, found: dict[str, str]) -> Work:
        """Return what the tests find: whoever repeats them finds the same."""
        results = [make_result(name, status, figures={"mean_loss_shift": 0.1}) for name, status in found.items()]
        return check, self.results.setdefault(check.model_dump_json(), tuple(results))

    def decide(self, work: Work) -> LedgerEntry:
        """Decide, and hold the decision against one that is made with the whole ledger in view, and against the limits."""
        check, results = work
        earlier = [e for e in self.entries() if e.sequence < check.sequence][::-1]
        is_new = ledger.find_entry(self.store, "parcels", check.sequence) is None
        triggers = [e for e in earlier if e.decision.outcome == "trigger"]
        champion = self.registry.champion
        history = History(
            recent=earlier,
            triggers=triggers,
            outcomes=ledger.retraining_outcomes(self.store, triggers, self.active()),
            champion_version=champion.version if champion else None,
            active=self.active(),
            alarm=load_state(self.store, "parcels")[0].alarm,
            breaker_closed=ledger.breaker_closed(self.store, "parcels"),
            set_back=load_state(self.store, "parcels")[0].set_back,
            latest=self.run().latest,
        )
        entry = decide(self.run(), check, results)
        if is_new:
            full = govern(SPEC, check, results, history)
            assert (entry.decision.outcome, entry.decision.fired, entry.decision.run_id, entry.decision.alarm) == (
                full.outcome, full.fired, full.run_id, full.alarm,
            )  # fmt: skip
            if entry.decision.outcome == "trigger":
                assert not self.active()
                assert entry.check.champion == champion
                self.assert_breaker_lets_through(entry, triggers)
        return entry

    def trigger(self, entry: LedgerEntry) -> None:
        """As Airflow does it: a run of that name is made once."""
        if entry.decision.run_id is not None:
            self.retrainings.setdefault(entry.decision.run_id, "running")
            self.lost.discard(entry.decision.run_id)

    def assert_breaker_lets_through(self, entry: LedgerEntry, triggers: list[LedgerEntry]) -> None:
        unsuccessful = 0
        for earlier in triggers:
            if earlier.sequence <= self.closed_after or self.retrainings.get(earlier.decision.run_id) == "promoted":
                break
            unsuccessful += 1
        if unsuccessful >= REJECTIONS:
            assert entry.as_of >= triggers[0].as_of + timedelta(days=RESET_DAYS)

    # What holds after every step.

    @invariant()
    def a_decision_never_changes(self) -> None:
        for number in ledger.sequences(self.store, "parcels"):
            data = self.store.read(LEDGER_ENTRY.key("parcels", number))
            assert self.decisions.setdefault(number, data) == data

    @invariant()
    def checks_are_numbered_without_a_gap(self) -> None:
        entries = self.entries()
        assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
        assert len(entries) - load_state(self.store, "parcels")[0].sequence in (0, 1)

    @invariant()
    def every_trigger_is_one_retraining_and_the_other_way_round(self) -> None:
        entries = self.entries()
        asked = [entry.decision.run_id for entry in entries if entry.decision.run_id]
        assert len(set(asked)) == len(asked)
        started = {run_id for run_id in self.retrainings if run_id.startswith("drift-")}
        assert started <= set(asked)
        closed = load_state(self.store, "parcels")[0].sequence
        assert {e.decision.run_id for e in entries if e.decision.run_id and e.sequence <= closed} <= started | self.lost

    @invariant()
    def cool_down_and_budget_hold(self) -> None:
        times = [e.as_of for e in self.entries() if e.decision.outcome == "trigger"]
        assert all(later - earlier >= timedelta(days=COOLDOWN) for earlier, later in pairwise(times))
        over = zip(times, times[RETRAININGS:], strict=False)
        assert all(later - earlier >= timedelta(days=BUDGET_DAYS) for earlier, later in over)

    @invariant()
    def no_alarm_is_lost(self) -> None:
        entries = self.entries()
        for entry, after in zip_longest(entries, entries[1:]):
            decision = entry.decision
            if any(result.test == "page_hinkley" and result.status == "fired" for result in entry.results):
                assert "page_hinkley" in decision.fired or entry.check.champion is None
            if decision.fired:
                assert decision.outcome == "trigger" or set(decision.alarm.tests) == set(decision.fired)
            if decision.alarm is None or after is None:
                continue
            settled = any("is settled" in reason for reason in after.decision.reasons)
            assert settled or set(decision.alarm.tests) <= set(after.decision.fired)
            if decision.outcome == "coalesce" and entry.check.champion is not None and after.check.champion is not None:
                assert after.check.cursor == entry.check.cursor
                assert self.rows_of(after.check) >= self.rows_of(entry.check)

    @invariant()
    def every_row_is_checked_once(self) -> None:
        state, _ = load_state(self.store, "parcels")
        entries = [e for e in self.entries() if e.sequence <= state.sequence]
        checked: set[int] = set()
        there: frozenset[int] = frozenset()
        for entry in entries:
            if entry.decision.outcome == "coalesce":
                continue
            rows = self.rows_of(entry.check)
            assert not rows & checked
            assert min(rows, default=0) >= 0
            assert len(rows) == entry.check.rows + entry.check.late_rows
            checked |= rows
            if entry.check.champion is not None:
                there = self.there_at_opening[entry.check.model_dump_json()]
        due = {
            number for number in self.expected & there if state.cursor and day(self.delivered[number]) <= state.cursor
        }
        assert due <= checked

    def entries(self) -> list[LedgerEntry]:
        """Return the ledger; what is in it is parsed once, since it never changes."""
        for number in ledger.sequences(self.store, "parcels"):
            if number not in self.read:
                self.read[number] = ledger.read_entry(self.store, "parcels", number)
        return [self.read[number] for number in sorted(self.read)]

    def rows_of(self, check: OpenCheck) -> set[int]:
        if check.batch is None:
            return set()
        if check.batch not in self.rows:
            self.rows[check.batch] = set(read_rows(self.store, check.batch)["id"].astype(int))
        return self.rows[check.batch]


TestExactlyOnce = Monitor.TestCase
TestExactlyOnce.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
