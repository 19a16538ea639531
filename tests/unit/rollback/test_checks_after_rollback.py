"""What was found about the champion that was taken back triggers nothing."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta

import pandas as pd
import pytest
from rich.console import Console

from perennial.cli.monitor import check_once
from perennial.monitoring.records import Alarm
from perennial.monitoring.state import load_state, save_state
from perennial.monitoring.superseded import superseded
from perennial.rollback.examine import examine
from perennial.rollback.request import RollbackRequest
from perennial.rollback.roll_back import roll_back
from tests.unit.rollback.conftest import NEWER
from tests.watched_model import END, Watched


def take_back(model: Watched, request: RollbackRequest) -> None:
    roll_back(model.run(), request, examine(model.run(), request))


@pytest.mark.parametrize("back", [True, False])
def test_a_pending_alarm_of_the_other_champion_triggers_nothing(
    model: Watched, wanted: Callable[..., RollbackRequest], back: bool
) -> None:
    store = model.deployment.store
    state, version = load_state(store, "watched")
    held = Alarm(tests=("performance",), champion_version="2", sequence=0, as_of=END, until=END + timedelta(minutes=1))
    save_state(store, "watched", state.model_copy(update={"alarm": held}), version)
    if back:
        take_back(model, wanted())
    # Without labels nothing settles what the performance test found.
    model.land(NEWER, 400)
    path = model.home / "rows" / f"{NEWER:06d}.parquet"
    pd.read_parquet(path).assign(y=pd.array([None] * 400, dtype="Int64")).to_parquet(path, index=False)

    decision = model.decide().decision

    if back:
        assert (decision.outcome, decision.alarm) == ("none", None)
        assert "The alarm of check 0 is settled: it was about champion v2, and v1 is champion now." in decision.reasons
    else:
        assert (decision.outcome, decision.fired) == ("trigger", ("performance",))


def test_a_retraining_that_was_decided_and_not_started_is_not_started_after_a_rollback(
    model: Watched, wanted: Callable[..., RollbackRequest]
) -> None:
    model.land(NEWER, 900, shift=2.0)
    entry = model.decide()  # and the monitor is killed
    assert entry.decision.outcome == "trigger"
    assert superseded(model.run(), entry) == ""
    take_back(model, wanted(force=True))

    output = io.StringIO()
    checked = check_once(model.run(), Console(file=output, width=300))

    assert checked.entry == entry
    assert checked.verdict is None
    assert (
        "Check 1 was about champion v2, and the champion is v1 now: its retraining is not started." in output.getvalue()
    )
    assert load_state(model.deployment.store, "watched")[0].sequence == 1
    made = model.home / "store/watched/runs" / str(entry.decision.run_id)
    assert [path.name for path in made.iterdir()] == ["lease.json"]


def test_a_champion_that_the_retraining_itself_made_does_not_keep_it_from_ending(
    model: Watched, wanted: Callable[..., RollbackRequest]
) -> None:
    model.land(NEWER, 900, shift=2.0)
    entry = model.decide()
    # Its promotion moved the alias, and was killed before it said so.
    take_back(model, wanted(run_id=str(entry.decision.run_id), force=True))
    assert superseded(model.run(), entry) == ""
