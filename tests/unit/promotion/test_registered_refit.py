"""The version that is registered is the refit; the candidate stays behind it as its twin."""

from __future__ import annotations

import pytest

from perennial.layout import REFIT_BUNDLE
from perennial.models.provenance import Provenance
from perennial.promotion.registry import promote, register
from perennial.registry.bundles import recorded_manifest
from perennial.registry.champions import current_champion
from perennial.registry.recorded_version import is_of
from perennial.registry.tracking import Tracker
from tests.candidates import NOON


@pytest.fixture
def tracker(mlflow_uri):
    return Tracker(mlflow_uri)


@pytest.fixture
def candidate(log_candidate):
    return log_candidate()


@pytest.fixture
def evaluation(candidate, evaluation_of):
    return evaluation_of(candidate)


def versions(tracker):
    return {str(version.version): version for version in tracker.client.search_model_versions("name = 'late'")}


def test_the_version_is_the_refit_and_says_so(run, tracker, candidate, evaluation, log_refit, make_verdict):
    made = log_refit(candidate)
    registered = register(run, candidate, evaluation, make_verdict(), made)

    version = versions(tracker)[registered.version]
    assert is_of(version, made.model_uri.removeprefix("models:/"))
    assert version.run_id == candidate.mlflow_run_id
    assert version.tags["perennial.bundle"] == made.bundle_digest
    assert Provenance.from_tags(version.tags) == made.provenance
    assert version.description == "better Refit on all rows."
    assert register(run, candidate, evaluation, make_verdict(), made) == registered
    assert len(versions(tracker)) == 1


def test_the_champion_is_known_by_the_record_of_its_refit(run, candidate, evaluation, log_refit, make_verdict):
    made = log_refit(candidate)
    promote(run, register(run, candidate, evaluation, make_verdict(), made), make_verdict())

    champion = current_champion(run.store, run.tracking_uri, "late")
    assert champion.is_refit
    assert champion.bundle_digest == made.bundle_digest
    assert (champion.train_end, champion.twin_train_end) == (made.served.train_end, NOON)
    assert recorded_manifest(run, champion).served == made.served

    run.store.delete(REFIT_BUNDLE.key("late", candidate.mlflow_run_id))
    # The candidate's own record is of other files.
    assert current_champion(run.store, run.tracking_uri, "late").is_foreign


def test_a_champion_without_a_refit_is_its_own_twin(run, candidate, evaluation, make_verdict):
    promote(run, register(run, candidate, evaluation, make_verdict()), make_verdict())
    champion = current_champion(run.store, run.tracking_uri, "late")
    assert not champion.is_refit
    assert champion.train_end == champion.twin_train_end == NOON


def test_a_candidate_that_is_judged_again_has_one_version_whether_it_is_refit_then_or_not(
    run, tracker, candidate, evaluation, log_refit, make_verdict
):
    first = register(run, candidate, evaluation, make_verdict("reject"))
    made = log_refit(candidate)
    second = register(run, candidate, evaluation, make_verdict(), made)
    assert list(versions(tracker)) == [second.version]
    assert second.version != first.version
    third = register(run, candidate, evaluation, make_verdict("reject"))
    assert list(versions(tracker)) == [third.version]
    assert not is_of(versions(tracker)[third.version], made.model_uri.removeprefix("models:/"))


def test_a_version_that_someone_made_champion_by_hand_is_never_deleted(
    run, tracker, candidate, evaluation, log_refit, make_verdict
):
    first = register(run, candidate, evaluation, make_verdict("reject"))
    tracker.client.set_registered_model_alias("late", "champion", first.version)
    second = register(run, candidate, evaluation, make_verdict(against=first.version), log_refit(candidate))
    assert set(versions(tracker)) == {first.version, second.version}
    assert current_champion(run.store, run.tracking_uri, "late").bundle_digest == candidate.bundle_digest
