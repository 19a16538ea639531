"""The list that a person chooses from has what was champion and is still there, the one before first."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from perennial.errors import PromotionError
from perennial.promotion.champion_move import PREVIOUS_TAG
from perennial.registry.tracking import Tracker
from perennial.rollback.choices import choices
from perennial.rollback.examine import examine
from perennial.rollback.request import RollbackRequest
from perennial.rollback.roll_back import roll_back
from tests.unit.rollback.conftest import set_champion
from tests.watched_model import Watched


def test_a_version_is_listed_with_its_metric_when_it_was_champion_and_what_made_it_champion(model: Watched) -> None:
    found = choices(model.run())
    assert found.champion == "2"
    (first,) = found.versions
    assert first.version == "1"
    assert first.figures.startswith("roc_auc 0.")
    assert first.figures.endswith(" on its holdout, champion from 2026-01-01 00:00 to 2026-01-01 00:00 UTC")
    assert "no champion" in first.verdict


def test_after_a_rollback_the_version_that_was_taken_back_can_be_chosen(
    model: Watched, wanted: Callable[..., RollbackRequest]
) -> None:
    roll_back(model.run(), wanted(), examine(model.run(), wanted()))
    found = choices(model.run())
    assert (found.champion, [one.version for one in found.versions]) == ("1", ["2"])


def test_the_version_before_comes_first_and_others_by_when_they_were_champion_last(model: Watched) -> None:
    registry = Tracker(model.tracking_uri).client
    third = registry.create_model_version("watched", "somewhere").version
    try:
        set_champion(model, third)
        examined = choices(model.run())
        assert examined.champion == str(third)
        # The move by hand is not in the ledger yet, and MLflow does not say what was before.
        assert [one.version for one in examined.versions] == ["2", "1"]
        registry.set_model_version_tag("watched", third, PREVIOUS_TAG, "1")
        registry.set_model_version_tag("watched", "1", "perennial.primary_value", "high")
        first, second = choices(model.run()).versions
        assert (first.version, second.version) == ("1", "2")
        assert first.figures.startswith("champion from")
    finally:
        set_champion(model, "2")
        registry.delete_model_version("watched", third)


def test_nothing_to_choose_from_is_said(model: Watched) -> None:
    registry = Tracker(model.tracking_uri).client
    registry.delete_registered_model_alias("watched", "champion")
    try:
        with pytest.raises(PromotionError, match="has no champion, so there is nothing to roll back"):
            choices(model.run())
    finally:
        set_champion(model, "2")
