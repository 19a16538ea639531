from __future__ import annotations

from datetime import UTC, datetime

import pytest

from perennial.ensemble.kept_weights import WeightsChanged, find_weights, keep_weights
from perennial.ensemble.records import KeptWeights, MemberWeight
from perennial.layout import WEIGHTS
from perennial.store import LocalStore

AS_OF = datetime(2024, 3, 1, tzinfo=UTC)
BUNDLE = "5" * 64


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path)


def weights(sequence: int, *shares: float) -> KeptWeights:
    members = (MemberWeight(mlflow_run_id=str(i), weight=share) for i, share in enumerate(shares))
    return KeptWeights(sequence=sequence, as_of=AS_OF, members=tuple(members))


def found(store):
    return find_weights(store, "late", BUNDLE)


def test_the_newest_are_found_and_those_of_another_bundle_are_not(store):
    assert found(store).kept is None
    for sequence in (3, 4):
        keep_weights(store, "late", BUNDLE, weights(sequence, 0.5, 0.5), found(store))
    assert found(store).kept == weights(4, 0.5, 0.5)
    assert find_weights(store, "late", "6" * 64).kept is None


def test_the_same_check_keeps_them_once(store):
    before = found(store)
    keep_weights(store, "late", BUNDLE, weights(3, 1.0), before)
    version = found(store).version
    for seen in (before, found(store)):
        keep_weights(store, "late", BUNDLE, weights(3, 1.0), seen)
    assert found(store).version == version


def test_an_older_check_that_comes_late_does_not_overwrite_a_newer_one(store):
    late = found(store)
    keep_weights(store, "late", BUNDLE, weights(4, 1.0), found(store))
    with pytest.raises(WeightsChanged):
        keep_weights(store, "late", BUNDLE, weights(3, 0.0), late)
    assert found(store).kept == weights(4, 1.0)


def test_damaged_ones_count_as_none_and_the_next_check_replaces_them(store):
    key = WEIGHTS.key("late", BUNDLE)
    keep_weights(store, "late", BUNDLE, weights(3, 1.0), found(store))
    store.write(key, store.read(key).replace(b"1.0", b"0.9"))
    assert found(store).kept is None
    keep_weights(store, "late", BUNDLE, weights(4, 1.0), found(store))
    assert found(store).kept == weights(4, 1.0)
