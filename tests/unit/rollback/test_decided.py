"""A new champion under its floor is taken back once where the spec wants that, or a person is told how."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlparse

import pytest

from perennial.champions.ledger import read_champions
from perennial.errors import PromotionError
from perennial.monitoring.state import load_state
from perennial.monitoring.steps import close_check
from perennial.promotion import champion_move
from perennial.registry.champions import current_champion
from perennial.registry.tracking import Tracker
from perennial.rollback.decided import roll_back_as_decided
from perennial.spec import ModelSpec
from tests.unit.rollback.conftest import NEWER, set_champion
from tests.watched_model import NOW, SPEC, Watched

FLOORS = SPEC["monitoring"] | {"performance": {"minimum": {"roc_auc": 0.4}}}


def wanting(model: Watched, *, floor: float = 0.4, **wanted: object) -> Watched:
    """Return the model with floors and `auto_rollback`, and rows whose labels are the opposite of those learnt."""
    model.land(NEWER, 400, flipped=1.0)
    changes = {
        "monitoring": FLOORS | {"performance": {"minimum": {"roc_auc": floor}}},
        "auto_rollback": {"days": 7, "when": "act"} | wanted,
    }
    return replace(model, spec=ModelSpec.model_validate(SPEC | changes))


def moves(model: Watched) -> list[tuple[str, str | None]]:
    return [(one.kind, one.version) for one in read_champions(model.deployment.store, "watched")]


def champion(model: Watched) -> str:
    found = current_champion(model.deployment.store, model.tracking_uri, "watched")
    assert found is not None
    return found.version


def test_the_version_before_is_champion_again_and_the_ledgers_say_why(model: Watched) -> None:
    model = wanting(model)
    entry = model.decide()

    assert (entry.decision.outcome, entry.decision.held_by, entry.decision.run_id) == ("hold", "rollback", None)
    assert entry.decision.reasons[-1] == "Champion v2 is taken back: version 1 becomes champion again."
    assert champion(model) == "2"
    promotion = roll_back_as_decided(model.run(), entry)
    assert promotion is not None
    assert (promotion.version, promotion.previous_version, champion(model)) == ("1", "2", "1")
    move = read_champions(model.deployment.store, "watched")[-1]
    assert (move.kind, move.by) == ("rolled back", "check 1")
    assert "at least 0.4 is asked: certainly not" in move.reason
    assert move.verdict.startswith("Version 1, the one before, on the same rows: roc_auc 0.")

    close_check(model.run(), entry)
    model.land(NEWER + 400, 400, flipped=1.0)
    after = model.decide()
    assert after.check.champion is not None
    assert (after.check.champion.version, after.decision.rollback) == ("1", None)


@pytest.mark.parametrize("killed_in", ["_set_champion", "enter"])
def test_killed_while_it_moves_the_alias_and_called_again_it_is_one_move(
    model: Watched, monkeypatch: pytest.MonkeyPatch, killed_in: str
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    model = wanting(model)
    entry = model.decide()
    with monkeypatch.context() as patch:
        patch.setattr(champion_move if killed_in == "enter" else champion_move._Mover, killed_in, kill)
        with pytest.raises(Killed):
            roll_back_as_decided(model.run(), entry)
    made = [roll_back_as_decided(model.run(now=NOW + timedelta(hours=hours)), model.decide()) for hours in (1, 2)]
    assert made[0] == made[1]
    assert champion(model) == "1"
    assert moves(model) == [("promoted", "1"), ("promoted", "2"), ("rolled back", "1")]


def test_a_champion_that_moved_after_the_check_stays_and_the_check_can_be_closed(model: Watched) -> None:
    model = wanting(model)
    entry = model.decide()
    roll_back_as_decided(model.run(), entry)
    set_champion(model, "2")  # somebody wants it all the same
    with pytest.raises(PromotionError, match="and the champion has moved since"):
        roll_back_as_decided(model.run(), entry)
    assert champion(model) == "2"
    close_check(model.run(), entry)
    assert load_state(model.deployment.store, "watched")[0].sequence == 1

    model.land(NEWER + 400, 400, flipped=1.0)
    assert model.decide().decision.rollback is None  # a person chose it


def test_where_a_person_is_asked_the_reasons_have_the_command_and_nothing_moves(model: Watched) -> None:
    model = wanting(model, when="ask")
    entry = model.decide()
    assert entry.decision.rollback is not None
    assert (entry.decision.rollback.when, entry.decision.outcome) == ("ask", "trigger")
    assert "perennial rollback watched --to 1 --reason WHY, or the form of watched.rollback." in " ".join(
        entry.decision.reasons
    )
    assert roll_back_as_decided(model.run(), entry) is None
    assert champion(model) == "2"


def test_a_version_before_that_is_under_the_floor_too_stays_away(model: Watched) -> None:
    entry = wanting(model, floor=0.6).decide()
    assert (entry.decision.outcome, entry.decision.rollback) == ("trigger", None)
    assert entry.decision.reasons[-1].endswith("certainly not. Champion v2 is not taken back.")


def test_after_the_days_a_champion_is_retrained_and_not_taken_back(model: Watched) -> None:
    late = wanting(model).decide(now=NOW + timedelta(days=8))
    assert (late.decision.outcome, late.decision.rollback) == ("trigger", None)


def test_a_damaged_version_before_is_named_and_stays_away(model: Watched) -> None:
    source = Tracker(model.tracking_uri).client.get_model_version("watched", "1").source
    (file,) = Path(urlparse(source).path).rglob("model.skops")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    try:
        decision = wanting(model).decide().decision
    finally:
        file.write_bytes(whole)
    assert (decision.outcome, decision.rollback) == ("trigger", None)
    assert "Version 1, the one before, was not measured" in decision.reasons[-1]
