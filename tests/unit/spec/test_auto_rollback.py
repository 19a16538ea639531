from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from perennial.spec import ModelSpec
from tests.watched_model import SPEC

FLOORS = SPEC["monitoring"] | {"performance": {"minimum": {"roc_auc": 0.6}}}


def spec_with(**changes: Any) -> ModelSpec:
    return ModelSpec.model_validate(SPEC | changes)


def test_a_person_is_asked_unless_the_spec_lets_the_monitor_act() -> None:
    wanted = spec_with(monitoring=FLOORS, auto_rollback={"days": 7}).auto_rollback
    assert wanted is not None
    assert (wanted.days, wanted.when) == (7, "ask")
    assert ModelSpec.model_validate(SPEC).auto_rollback is None


@pytest.mark.parametrize("monitoring", [SPEC["monitoring"], None], ids=["no floor", "not watched"])
def test_without_a_floor_nothing_could_ever_be_taken_back(monitoring: dict[str, Any] | None) -> None:
    with pytest.raises(ValidationError, match="there is no floor to fall under: name one under"):
        spec_with(monitoring=monitoring, auto_rollback={"days": 7})


@pytest.mark.parametrize("wrong", [{}, {"days": 0}, {"days": 7, "when": "always"}])
def test_days_and_answer_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="auto_rollback"):
        spec_with(monitoring=FLOORS, auto_rollback=wrong)
