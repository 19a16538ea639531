from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from mlflow import MlflowClient
from rich.console import Console

from perennial.cli import retrain as foreground
from perennial.cli.ledger import ledger_json, ledger_table, retraining_results
from perennial.cli.monitor import check_once, keep_checking
from perennial.errors import DataError, RetrainingFailed, SpecError, StoreUnavailable
from perennial.monitoring.ledger import read_ledger
from perennial.monitoring.state import load_state
from perennial.monitoring.steps import close_check
from perennial.registry.champions import current_champion
from perennial.stages import STAGES
from tests.watched_model import SPEC, TRAINED_ROWS, make_watched


@pytest.fixture
def watched(tmp_path, mlflow_uri):
    return make_watched(tmp_path / "model", mlflow_uri)


def check(watched, **changes):
    output = io.StringIO()
    checked = check_once(watched.run(**changes), Console(file=output, width=160))
    return checked, output.getvalue()


def closed(watched):
    return load_state(watched.run().store, "watched")[0].sequence


def entries(watched):
    return read_ledger(watched.run().store, "watched")


def test_from_no_champion_to_the_second_one(watched):
    first, text = check(watched)
    assert (first.entry.decision.outcome, first.verdict.outcome) == ("trigger", "promote")
    assert "The first training was triggered" in text
    assert current_champion(watched.run().store, watched.tracking_uri, "watched").version == "1"

    nothing, text = check(watched)
    assert (nothing.entry, nothing.verdict) == (None, None)
    assert "0 new rows" in text

    watched.land(TRAINED_ROWS, 900, shift=2.0)
    second, text = check(watched)
    assert second.verdict is not None
    assert second.entry.decision.fired == ("ks",)
    assert "A retraining was triggered: numbers drifted." in text
    assert "reports/00000002/report.html" in text
    assert closed(watched) == 2

    store = watched.run().store
    results = retraining_results(store, entries(watched))
    ended = {"promote": "promoted", "reject": "rejected"}[second.verdict.outcome]
    assert [result for result, _ in results.values()] == ["promoted", ended]
    shown = json.loads(ledger_json(store, entries(watched)))
    assert [entry["retraining"]["result"] for entry in shown] == ["promoted", ended]
    table = io.StringIO()
    Console(file=table, width=200).print(ledger_table(store, entries(watched)))
    assert second.entry.decision.run_id in table.getvalue()


def test_a_retraining_that_was_killed_is_finished_by_the_same_command(watched, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(*arguments):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(STAGES["evaluate"].function.replace(":", "."), kill)
        with pytest.raises(Killed):
            check(watched)
    assert closed(watched) == 0
    checked, text = check(watched)
    assert "Check 1 was begun and not ended" in text
    assert checked.verdict.outcome == "promote"
    assert closed(watched) == len(entries(watched)) == 1


def test_a_promotion_is_not_repeated_when_only_the_closing_was_lost(watched, monkeypatch):
    from perennial.monitoring import steps

    def fail(run, entry):
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(steps, "close_check", fail)
        with pytest.raises(StoreUnavailable):
            check(watched)
    monkeypatch.setattr(foreground, "retrain", None)
    checked, text = check(watched)
    assert "The retraining has ended" in text
    assert checked.verdict.outcome == "promote"
    assert closed(watched) == 1


@pytest.mark.parametrize(
    ("error", "is_closed"),
    [
        (DataError("bad rows"), 1),
        (ValueError("unforeseen"), 1),
        (StoreUnavailable("away"), 0),
        (KeyboardInterrupt(), 0),
    ],
)
def test_a_failed_retraining_ends_its_check_unless_trying_again_may_help(watched, monkeypatch, error, is_closed):
    def fail(run):
        raise error

    monkeypatch.setattr(STAGES["ingest"].function.replace(":", "."), fail)
    with pytest.raises(type(error)):
        check(watched)
    assert closed(watched) == is_closed
    results = retraining_results(watched.run().store, entries(watched))
    sentence = str(error) if isinstance(error, DataError) else f"{type(error).__name__}: {error}"
    said = ("failed", sentence) if is_closed else ("not ended, or failed", "It is queued or running, or has failed.")
    assert list(results.values()) == [said]


def test_one_that_failed_for_good_is_not_tried_again_by_who_waited_for_it(watched, monkeypatch):
    from perennial.monitoring import steps

    def fail(run):
        raise DataError("bad rows")

    def killed(run, entry):
        raise StoreUnavailable("killed before the check was closed")

    with monkeypatch.context() as patch:
        patch.setattr(STAGES["ingest"].function.replace(":", "."), fail)
        patch.setattr(steps, "close_check", killed)
        with pytest.raises(StoreUnavailable):
            check(watched)
    assert closed(watched) == 0
    with pytest.raises(RetrainingFailed, match="that check 1 triggered has failed: bad rows"):
        check(watched)
    assert closed(watched) == 1
    nothing, _ = check(watched)
    assert nothing.entry is None


def test_a_retraining_that_never_came_is_made_by_the_next_check_once(watched):
    # Closed with nothing to show for it: the process died, or Airflow lost the run.
    lost = watched.decide()
    close_check(watched.run(), lost)
    assert closed(watched) == 1

    checked, text = check(watched)
    assert "The retraining that check 1 triggered was lost: it is triggered again." in text
    assert (checked.entry, checked.verdict.outcome) == (lost, "promote")
    assert len(entries(watched)) == closed(watched) == 1
    nothing, _ = check(watched)
    assert (nothing.entry, current_champion(watched.run().store, watched.tracking_uri, "watched").version) == (
        None,
        "1",
    )


def test_beside_a_champion_that_perennial_did_not_make_the_first_training_is_made(tmp_path, mlflow_uri):
    gates = {"evaluation": SPEC["evaluation"] | {"gates": {"minimum": {"roc_auc": 0.6}}}}
    watched = make_watched(tmp_path / "model", mlflow_uri, **gates)
    crown_foreign(watched)
    first, text = check(watched)
    assert "The first training was triggered: champion v1 was not registered by Perennial." in text
    assert text.count("not tested, champion v1 was not registered by Perennial") == 6
    assert first.verdict.outcome == "promote"
    assert "was not trained by Perennial with this store, and cannot be loaded: MLflow" in " ".join(
        gate.sentence for gate in first.verdict.gates
    )
    assert current_champion(watched.run().store, watched.tracking_uri, "watched").version == "2"

    watched.land(TRAINED_ROWS, 900, shift=2.0)
    second, _ = check(watched)
    assert second.entry.check.rows == 900
    assert second.entry.decision.fired == ("ks",)


def test_beside_such_a_champion_nothing_is_trained_that_could_not_be_promoted(watched):
    crown_foreign(watched)
    checked, text = check(watched)
    assert (checked.entry.decision.outcome, checked.verdict) == ("none", None)
    assert "no minimum or maximum to judge a candidate by" in text
    nothing, text = check(watched)
    assert nothing.entry is None


def test_beside_such_a_champion_the_first_training_is_peoples_where_the_spec_says_so(tmp_path, mlflow_uri):
    watched = make_watched(tmp_path / "model", mlflow_uri, retraining={"first": False})
    crown_foreign(watched)
    nothing, text = check(watched)
    assert nothing.entry is None
    assert "Champion v1 was not registered by Perennial, and the spec leaves the first training to people." in text


def crown_foreign(watched):
    """Let someone register a model of their own and make it champion."""
    client = MlflowClient(watched.tracking_uri)
    client.create_registered_model("watched")
    client.create_model_version("watched", str(watched.home / "nothing"))
    client.set_registered_model_alias("watched", "champion", "1")


def test_the_retraining_carries_the_decision(watched, monkeypatch):
    runs = []

    def retrain(run, console, *, keep_run_id):
        runs.append((run, keep_run_id))
        raise DataError("enough seen")

    monkeypatch.setattr(foreground, "retrain", retrain)
    with pytest.raises(DataError):
        check(watched)
    (entry,) = entries(watched)
    ((run, keep_run_id),) = runs
    assert keep_run_id
    assert run.run_id == entry.decision.run_id
    assert run.as_of == entry.as_of
    assert run.reason == "There is no champion yet."
    assert run.triggered_by == "perennial monitor"


@pytest.mark.parametrize(
    ("error", "said", "traceback"),
    [
        (DataError("bad rows"), "error: bad rows", False),
        (ZeroDivisionError("in some\nlibrary"), "error: ZeroDivisionError: in some library", True),
        (RecursionError(), "error: RecursionError:", True),
    ],
)
def test_checks_go_on_by_the_schedule_after_an_error(tmp_path, mlflow_uri, monkeypatch, caplog, error, said, traceback):
    changes = {"monitoring": SPEC["monitoring"] | {"schedule": {"every_minutes": 10}}}
    watched = make_watched(tmp_path / "model", mlflow_uri, **changes)
    times = [datetime(2024, 1, 5, 12, 0, tzinfo=UTC)]
    slept = []

    def fail(run):
        raise error

    def sleep(seconds):
        slept.append(seconds)
        times[0] += timedelta(seconds=seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(STAGES["ingest"].function.replace(":", "."), fail)
    output = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        keep_checking(watched.run(), Console(file=output, width=160), now=lambda: times[0], sleep=sleep)
    assert slept == [600.0, 600.0, 600.0]
    text = output.getvalue()
    assert said in text
    assert ("Traceback" in caplog.text) is traceback
    assert "Next check at 2024-01-05 12:10 UTC." in text
    assert text.count("0 new rows after") == 2


def test_errors_and_looks_of_a_schedule_are_a_line_of_json_each(tmp_path, mlflow_uri, monkeypatch, capsys):
    changes = {"monitoring": SPEC["monitoring"] | {"schedule": {"every_minutes": 10}}}
    watched = make_watched(tmp_path / "model", mlflow_uri, **changes)
    slept = []

    def fail(run):
        raise DataError("bad rows")

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(STAGES["ingest"].function.replace(":", "."), fail)
    moment = datetime(2024, 1, 5, 12, 0, tzinfo=UTC)
    with pytest.raises(KeyboardInterrupt):
        keep_checking(watched.run(), Console(stderr=True), as_json=True, now=lambda: moment, sleep=sleep)
    looks = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert looks[0] == {"model": "watched", "outcome": "error", "reasons": ["bad rows"]}
    assert looks[1]["outcome"] == "nothing due"


def test_without_a_schedule_only_single_checks_are_made(watched):
    with pytest.raises(SpecError, match="add one, or check once with --once"):
        keep_checking(watched.run(), Console(file=io.StringIO()))
