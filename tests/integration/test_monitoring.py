"""Checks of a model of real flights: what is triggered, what is checked once, and what becomes of another champion."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from perennial.deployment import Deployment
from perennial.drift import PageHinkley
from perennial.errors import DataError
from perennial.monitoring import ledger
from perennial.monitoring.drift_tests.rows import read_rows
from perennial.monitoring.records import DriftTestResult, LedgerEntry, MonitorState
from perennial.monitoring.state import load_state
from perennial.monitoring.steps import TESTS, CheckReader, close_check, decide, open_check
from perennial.monitoring.waiting import waiting
from perennial.promotion.records import Verdict
from perennial.registry.champions import current_champion
from perennial.run import MonitorRun, RetrainingRun
from perennial.spec import ModelSpec
from perennial.spec.reading.loader import load_spec
from perennial.stages import STAGES
from perennial.store import Damaged, LocalStore
from tests.conftest import land_slice

MODEL = "flight_delay"
WEATHER = ["temp", "wind_speed", "precip", "visib"]
WATCHED = """
monitoring:
  min_rows: 100
  lateness_days: 4
  drift: {level: 0.01, effect_floor: 0.1}
  require: {checks: 1, of: 1}
retraining: {cooldown_days: 0, triggers: [ks]}
"""
BUSY = ("manual",)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def on(day: str) -> datetime:
    """Return five in the morning of a day of 2013, UTC: midnight in New York."""
    return datetime.fromisoformat(f"2013-{day}T05:00:00+00:00").astimezone(UTC)


@dataclass
class Airline:
    """A model, its flights, and the retrainings that someone has under way."""

    root: Path
    spec: ModelSpec
    tracking_uri: str
    active: tuple[str, ...] = ()
    store: LocalStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = LocalStore(self.root / "store")

    @property
    def flights(self) -> Path:
        return self.root / "data" / "flights"

    def run(self, day: str, **changes: Any) -> MonitorRun:
        """As in Airflow, which knows every retraining that was triggered."""
        known = {"active": self.active, "was_started": lambda _: True}
        return MonitorRun(**{**self._arguments(), "as_of": on(day), **known, **changes})

    def retrain(self, day: str, run_id: str = "by-hand") -> Verdict:
        run = RetrainingRun(**self._arguments(), as_of=on(day), run_id=run_id, reason="drift", triggered_by="monitor")
        snapshot = STAGES["ingest"](run)
        candidate = STAGES["train"](run, snapshot)
        evaluation = STAGES["evaluate"](run, snapshot, candidate)
        verdict = STAGES["decide"](run, evaluation, candidate)
        registered = STAGES["register"](run, candidate, evaluation, verdict)
        if verdict.outcome == "promote":
            STAGES["promote"](run, registered, verdict)
        return verdict

    def look(self, day: str, **changes: Any) -> LedgerEntry | None:
        """Do what the sensor DAG does, the retraining left out."""
        run = self.run(day, **changes)
        check = open_check(run) if waiting(run).over else None
        if check is None:
            return None
        entry = decide(run, check, [of(CheckReader(run), check) for of in TESTS.values()])
        close_check(run, entry)
        return entry

    def check(self, day: str, **changes: Any) -> LedgerEntry:
        entry = self.look(day, **changes)
        assert entry is not None
        return entry

    def state(self) -> MonitorState:
        return load_state(self.store, MODEL)[0]

    def ledger(self) -> tuple[LedgerEntry, ...]:
        return ledger.read_ledger(self.store, MODEL)

    def batch(self, entry: LedgerEntry) -> pd.DataFrame:
        assert entry.check.batch is not None
        return read_rows(self.store, entry.check.batch)

    def watch(self, **changes: Any) -> None:
        """Change what is monitored."""
        assert self.spec.monitoring is not None
        changed = self.spec.monitoring.model_dump() | changes
        self.spec = ModelSpec.model_validate(self.spec.model_dump() | {"monitoring": changed})

    def _arguments(self) -> dict[str, Any]:
        return {
            "spec": self.spec,
            "deployment": Deployment(store=self.store, tracking_uri=self.tracking_uri, data_root=self.root / "data"),
            "now": datetime(2026, 1, 1, tzinfo=UTC),
        }


@pytest.fixture(scope="module")
def trained(flights: Path, flight_spec: Path, mlflow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with flights of January to March, and a champion of all before the 8th of February."""
    root = tmp_path_factory.mktemp("trained")
    shutil.copytree(flights, root / "data")
    land_slice(root / "data", 3)
    shutil.copyfile(mlflow_template, root / "mlflow.db")
    airline = Airline(root, watched_spec(root, flight_spec), f"sqlite:///{root}/mlflow.db")
    assert airline.retrain("02-08").outcome == "promote"
    return root


def watched_spec(root: Path, flight_spec: Path) -> ModelSpec:
    path = root / "flight_delay.yaml"
    # Later candidates shall become champion: what they are worth is not what is tested here.
    path.write_text(flight_spec.read_text().replace("tolerance: 0.02", "tolerance: 0.5") + WATCHED)
    return load_spec(path)


@pytest.fixture
def airline(trained: Path, flight_spec: Path, tmp_path: Path) -> Airline:
    """Return a model with a champion, of its own."""
    root = tmp_path / "airline"
    shutil.copytree(trained, root)
    return Airline(root, watched_spec(root, flight_spec), f"sqlite:///{root}/mlflow.db")


def result(entry: LedgerEntry, name: str) -> DriftTestResult:
    (found,) = [each for each in entry.results if each.test == name]
    return found


def test_a_model_without_a_champion_is_trained_once_and_watched_from_there_on(
    flights: Path, flight_spec: Path, mlflow_uri: str, tmp_path: Path
) -> None:
    shutil.copytree(flights, tmp_path / "data")
    airline = Airline(tmp_path, watched_spec(tmp_path, flight_spec), mlflow_uri)
    first = airline.check("02-08")
    assert (first.decision.outcome, first.decision.reasons) == ("trigger", ("There is no champion yet.",))
    assert first.decision.run_id is not None
    assert airline.look("02-08") is None
    airline.active = (first.decision.run_id,)
    assert airline.look("02-08") is None
    airline.retrain("02-08", first.decision.run_id)
    airline.active = ()
    (version,) = MlflowClient(mlflow_uri).search_model_versions(f"name='{MODEL}'")
    assert version.tags["perennial.run_id"] == first.decision.run_id
    second = airline.check("02-15")
    assert second.check.champion is not None
    assert second.check.champion.version == "1"
    assert lies_within(airline.batch(second), after="02-08", until="02-15")


def lies_within(rows: pd.DataFrame, *, after: str, until: str) -> bool:
    times = rows["event_time"]
    return bool(len(rows) > 100 and (times > on(after)).all() and (times <= on(until)).all())


def test_the_first_training_can_be_left_to_people(
    flights: Path, flight_spec: Path, mlflow_uri: str, tmp_path: Path
) -> None:
    airline = Airline(tmp_path, watched_spec(tmp_path, flight_spec), mlflow_uri)
    shutil.copytree(flights, tmp_path / "data")
    airline.spec = ModelSpec.model_validate(airline.spec.model_dump() | {"retraining": {"first": False}})
    assert airline.look("02-08") is None
    assert airline.ledger() == ()


def test_a_week_like_those_before_is_quiet(airline: Airline) -> None:
    airline.watch(drift={"exclude": WEATHER})
    entry = airline.check("02-15")
    assert entry.decision.outcome == "none"
    assert (entry.decision.fired, entry.decision.alarm) == ((), None)
    assert {r.test: r.status for r in entry.results if r.test in ("ks", "page_hinkley")} == {
        "ks": "quiet",
        "page_hinkley": "quiet",
    }
    state = airline.state()
    assert (state.sequence, state.cursor, state.matured_cursor) == (1, on("02-15"), on("02-14"))
    assert airline.look("02-15") is None


def test_late_flights_are_counted_and_checked_once(airline: Airline) -> None:
    path = airline.flights / "2013-02.parquet"
    february = pd.read_parquet(path)
    recent = february["event_time"].between(pd.Timestamp(on("02-13")), pd.Timestamp(on("02-15")))
    held = february[recent & (february["carrier"] == "US")]
    february.drop(held.index).to_parquet(path, index=False)
    first = airline.check("02-15")
    assert len(held) > 50
    held.to_parquet(airline.flights / "late.parquet", index=False)
    second = airline.check("02-18")
    assert (second.check.late_rows, first.check.late_rows) == (len(held), 0)
    assert len(airline.batch(second)) == second.check.rows + len(held)
    third = airline.check("02-21")
    assert third.check.late_rows == 0
    key = list(airline.spec.source.key)
    checked = pd.concat([airline.batch(entry)[key] for entry in airline.ledger()])
    assert not checked.duplicated().any()
    assert len(checked) == flown(airline, "02-08", "02-21")


def flown(airline: Airline, after: str, until: str) -> int:
    """Count the flights between two days, each once."""
    every = pd.concat([pd.read_parquet(path) for path in airline.flights.glob("*.parquet")])
    within = every[(every["event_time"] > pd.Timestamp(on(after))) & (every["event_time"] <= pd.Timestamp(on(until)))]
    return len(within.drop_duplicates(list(airline.spec.source.key)))


def test_labels_that_arrive_later_are_fed_once_when_they_have_matured(airline: Airline) -> None:
    path = airline.flights / "2013-02.parquet"
    complete = pd.read_parquet(path)
    known = complete["late"].notna() & complete["event_time"].between(
        pd.Timestamp(on("02-08")), pd.Timestamp(on("02-19")), inclusive="right"
    )
    unknown = complete["event_time"] > pd.Timestamp(on("02-14"))
    complete.assign(late=complete["late"].astype("Int64").mask(unknown)).to_parquet(path, index=False)
    first = airline.check("02-15")
    complete.to_parquet(path, index=False)
    second = airline.check("02-20")
    assert (second.check.rows, second.check.late_rows) == (flown(airline, "02-15", "02-20"), 0)
    assert first.check.matured_rows + second.check.matured_rows == known.sum()
    detector = PageHinkley.from_state(result(second, "page_hinkley").detector or {})
    assert detector.rows_seen == first.check.matured_rows + second.check.matured_rows


def test_another_champion_starts_the_detector_and_the_reference_again(airline: Airline) -> None:
    airline.check("02-15")
    before = PageHinkley.from_state(airline.state().page_hinkley or {})
    assert airline.retrain("02-15").outcome == "promote"
    entry = airline.check("02-22")
    after = PageHinkley.from_state(airline.state().page_hinkley or {})
    assert entry.check.champion is not None
    assert airline.state().champion_version == entry.check.champion.version == "2"
    assert entry.check.cursor == on("02-15")
    assert after.rows_seen == entry.check.matured_rows
    assert after.parameters.center != before.parameters.center
    folders = {item.key.split("/")[3] for item in airline.store.list(f"{MODEL}/monitor/references/")}
    assert len(folders) == 2

    MlflowClient(airline.tracking_uri).set_registered_model_alias(MODEL, "champion", "1")
    back = airline.check("03-01")
    detector = PageHinkley.from_state(airline.state().page_hinkley or {})
    assert detector.rows_seen == back.check.matured_rows
    assert detector.parameters.center == before.parameters.center


@pytest.mark.parametrize("lost", ["manifest.json", ".parquet"])
def test_a_champion_whose_rows_are_gone_is_a_clear_error_and_decides_nothing(airline: Airline, lost: str) -> None:
    champion = current_champion(airline.store, airline.tracking_uri, MODEL)
    assert champion is not None
    for item in list(airline.store.list(f"{MODEL}/snapshots/{champion.snapshot_digest}/")):
        if item.key.endswith(lost):
            airline.store.delete(item.key)
    with pytest.raises((DataError, Damaged), match=champion.snapshot_digest):
        airline.look("02-15")
    assert airline.ledger() == ()
    assert airline.state() == MonitorState()


@pytest.mark.parametrize("ends", ["promoted", "failed"])
def test_drift_found_while_a_retraining_runs_leads_to_one_further_decision_when_it_has_ended(
    airline: Airline, ends: str
) -> None:
    """The case in which Airflow loses asset events."""
    airline.active = BUSY
    found = airline.check("02-22")
    assert found.decision.outcome == "coalesce"
    assert found.decision.run_id is None
    assert "under way (manual)" in " ".join(found.decision.reasons)
    for day in ("02-22", "02-23", "02-25"):
        assert airline.look(day) is None
    assert airline.state().cursor == found.check.cursor

    if ends == "promoted":
        assert airline.retrain("02-20", "manual").outcome == "promote"
    airline.active = ()
    again = airline.check("02-25")
    assert again.sequence == 2
    assert again.check.champion is not None
    assert again.check.champion.version == ("2" if ends == "promoted" else "1")
    assert again.check.cursor == found.check.cursor
    key = list(airline.spec.source.key)
    rows, before = (set(map(tuple, airline.batch(e)[key].astype(str).to_numpy())) for e in (again, found))
    assert rows > before
    if ends == "failed":
        assert again.decision.outcome == "trigger"
    for _ in range(3):
        assert airline.look("02-25") is None
    assert len(airline.ledger()) == 2
    assert airline.state().cursor == on("02-25")


def test_a_champion_that_comes_while_a_check_is_made_is_not_retrained_for_what_the_last_one_showed(
    airline: Airline,
) -> None:
    run = airline.run("02-22")
    check = open_check(run)
    assert check is not None
    found = [of(CheckReader(run), check) for of in TESTS.values()]
    airline.retrain("02-20", "scheduled")
    entry = decide(run, check, found)
    close_check(run, entry)
    assert entry.decision.outcome == "coalesce"
    assert "v2 is champion now" in " ".join(entry.decision.reasons)
    again = airline.check("02-22")
    assert again.check.champion is not None
    assert (again.check.champion.version, again.check.rows) == ("2", check.rows)


def test_what_a_limit_holds_back_is_triggered_when_the_limit_lapses_without_waiting_for_rows(airline: Airline) -> None:
    airline.spec = ModelSpec.model_validate(
        airline.spec.model_dump() | {"retraining": {"cooldown_days": 9, "triggers": ["ks"]}}
    )
    first = airline.check("02-15")
    held = airline.check("02-20")
    assert (first.decision.outcome, held.decision.outcome) == ("trigger", "hold")
    assert held.decision.alarm is not None
    assert held.decision.alarm.until == on("02-24")
    for path in airline.flights.glob("2013-0[23].parquet"):
        flights = pd.read_parquet(path)
        flights[flights["event_time"] <= pd.Timestamp(on("02-20"))].to_parquet(path, index=False)
    assert airline.look("02-23") is None
    later = airline.check("02-24")
    assert (later.decision.outcome, later.check.rows) == ("trigger", 0)
    assert "ks fired in check 2 and was held back; these rows do not settle it." in later.decision.reasons


def test_two_who_make_the_same_check_make_one(airline: Airline) -> None:
    run = airline.run("02-15")
    check = open_check(run)
    assert check is not None
    assert open_check(replace(run, as_of=on("03-01"))) == check
    found = [of(CheckReader(run), check) for of in TESTS.values()]
    entries = {decide(run, check, found).model_dump_json() for _ in range(2)}
    (entry,) = (LedgerEntry.model_validate_json(text) for text in entries)
    assert close_check(run, entry) == close_check(run, entry) == airline.state()
    assert len(airline.ledger()) == 1
