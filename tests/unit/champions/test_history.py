from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.champions.history import champion_at, in_doubt, previous_champion, rolled_back
from perennial.champions.records import ChampionEntry

START = datetime(2026, 3, 1, tzinfo=UTC)


def moves(*told: tuple[str, str | None]) -> tuple[ChampionEntry, ...]:
    """Make a ledger with a move a day."""
    before = [None, *(version for _, version in told)]
    return tuple(
        ChampionEntry(
            model="late", sequence=day + 1, kind=kind, at=day_of(day), version=version, previous=before[day]
        )
        for day, (kind, version) in enumerate(told)
    )  # fmt: skip


def day_of(day: float) -> datetime:
    return START + timedelta(days=day)


HISTORY = moves(("promoted", "1"), ("promoted", "2"), ("promoted", "4"), ("rolled back", "2"), ("found", None))


@pytest.mark.parametrize(
    ("day", "sequence"), [(-0.1, None), (0, 1), (0.9, 1), (1, 2), (2.5, 3), (3, 4), (4, 5), (99, 5)]
)
def test_the_champion_at_a_time_is_that_of_the_newest_move_up_to_it(day, sequence):
    found = champion_at(HISTORY, day_of(day))
    assert (found and found.sequence) == sequence


def test_times_end_in_doubt_only_before_a_move_that_was_found():
    assert [in_doubt(HISTORY, entry) for entry in HISTORY] == [False, False, False, True, False]


def test_the_previous_champion_is_the_one_before_the_promotion_also_after_a_rollback():
    assert [previous_champion(HISTORY, version) for version in ("1", "2", "4", "9")] == [None, "1", "2", None]


def test_a_version_counts_as_rolled_back_until_it_is_champion_again():
    assert list(rolled_back(HISTORY)) == ["4"]
    assert rolled_back(
        moves(("promoted", "1"), ("promoted", "2"), ("rolled back", "1"), ("rolled back", "2"))
    ).keys() == {"1"}
    assert not rolled_back(moves(("promoted", "1"), ("promoted", "2"), ("found", "1")))


@given(st.lists(st.sampled_from("123"), min_size=1, max_size=12), st.floats(0, 12))
def test_the_answer_is_that_of_playing_the_moves(versions, day):
    champion = None
    for number, version in enumerate(versions):
        if number <= day:
            champion = version
    found = champion_at(moves(*(("promoted", version) for version in versions)), day_of(day))
    assert found is not None
    assert found.version == champion
