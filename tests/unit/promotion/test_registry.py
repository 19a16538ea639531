from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from perennial.errors import PromotionError, TrackingUnavailable
from perennial.evaluation.records import Comparison
from perennial.layout import BUNDLE
from perennial.promotion.registry import promote, register
from perennial.registry.aliases import CHALLENGER, version_by_alias
from perennial.registry.champions import current_champion
from perennial.registry.tracking import Tracker


@pytest.fixture
def tracker(run):
    return Tracker(run.tracking_uri)


def _challenger(tracker):
    found = version_by_alias(tracker, "late", CHALLENGER)
    return None if found is None else str(found.version)


def test_a_version_carries_its_evidence(run, tracker, log_candidate, evaluation_of, make_verdict):
    candidate = log_candidate()
    compared = Comparison(
        metric="roc_auc", candidate=0.75, champion=0.7, difference=0.05, standard_error=0.01, low=0.03, high=0.07,
        confidence=0.95, blocks=10, rows=100,
    )  # fmt: skip
    evaluation = evaluation_of(candidate).model_copy(update={"comparison": compared})
    registered = register(run, candidate, evaluation, make_verdict(sentence="0.75 against 0.70"))

    version = tracker.client.get_model_version("late", registered.version)
    assert version.run_id == candidate.mlflow_run_id
    assert version.description == "0.75 against 0.70"
    assert version.tags == {
        **candidate.provenance.to_tags(),
        "perennial.bundle": candidate.bundle_digest,
        "perennial.verdict": "promote",
        "perennial.blessing.metrics": "promote",
        "perennial.comparison": "roc_auc: better by 0.0500 (+0.0300 to +0.0700 at 95%)",
        "perennial.judged_against": "none",
        "perennial.primary_metric": "roc_auc",
        "perennial.primary_value": "0.75",
    }
    assert tracker.client.get_registered_model("late").description == "Late or not."
    assert tracker.client.get_run(candidate.mlflow_run_id).data.tags["perennial.verdict"] == "promote"


def test_a_retry_finds_the_version_of_its_candidate(run, tracker, log_candidate, evaluation_of, make_verdict):
    candidate = log_candidate()
    first = register(run, candidate, evaluation_of(candidate), make_verdict())

    assert register(run, candidate, evaluation_of(candidate), make_verdict()) == first
    assert len(tracker.client.search_model_versions("name = 'late'")) == 1


def test_registering_at_once_makes_one_version(run, tracker, log_candidate, evaluation_of, make_verdict):
    candidate, made = log_candidate(), []
    threads = [
        threading.Thread(target=lambda: made.append(register(run, candidate, evaluation_of(candidate), make_verdict())))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (only,) = tracker.client.search_model_versions("name = 'late'")
    assert [registered.version for registered in made] == [str(only.version)] * 4


def test_a_new_verdict_replaces_the_old(run, tracker, log_candidate, evaluation_of, make_verdict):
    candidate = log_candidate()
    rejected = register(run, candidate, evaluation_of(candidate), make_verdict("reject", sentence="worse"))
    assert (rejected.alias, _challenger(tracker)) == ("challenger", rejected.version)

    registered = register(run, candidate, evaluation_of(candidate), make_verdict("promote", sentence="better"))

    version = tracker.client.get_model_version("late", registered.version)
    assert (version.tags["perennial.verdict"], version.description) == ("promote", "better")
    assert (registered.alias, _challenger(tracker)) == (None, None)


@pytest.mark.parametrize(("chosen", "alias"), [("promote", None), ("reject", "challenger")])
def test_the_spec_says_whether_an_inconclusive_version_is_the_challenger(
    run, log_candidate, evaluation_of, make_verdict, chosen, alias
):
    candidate = log_candidate()
    verdict = make_verdict("inconclusive").model_copy(update={"consequence": chosen})
    assert register(run, candidate, evaluation_of(candidate), verdict).alias == alias


def test_the_newest_rejected_version_is_the_challenger(run, tracker, log_candidate, evaluation_of, make_verdict):
    older, newer = log_candidate(), log_candidate()
    register(run, older, evaluation_of(older), make_verdict("reject"))
    newest = register(run, newer, evaluation_of(newer), make_verdict("reject"))
    register(run, older, evaluation_of(older), make_verdict("reject"))

    assert _challenger(tracker) == newest.version


def test_there_is_no_champion_before_the_first_promotion(run, log_candidate, evaluation_of, make_verdict):
    assert current_champion(run.store, run.tracking_uri, "late") is None
    candidate = log_candidate()
    register(run, candidate, evaluation_of(candidate), make_verdict("reject"))
    assert current_champion(run.store, run.tracking_uri, "late") is None


def test_the_champion_is_described_by_its_record(run, log_candidate, evaluation_of, make_verdict):
    candidate = log_candidate()
    registered = register(run, candidate, evaluation_of(candidate), make_verdict())
    promote(run, registered, make_verdict())

    champion = current_champion(run.store, run.tracking_uri, "late")
    assert champion.version == registered.version
    assert champion.mlflow_run_id == candidate.mlflow_run_id
    assert champion.bundle_digest == candidate.bundle_digest
    assert champion.snapshot_digest == candidate.provenance.snapshot_digest
    assert champion.train_end == candidate.split.train_end


def test_a_champion_made_by_hand_is_a_champion(run, tracker, log_candidate):
    candidate = log_candidate()
    model = tracker.client.get_logged_model(candidate.model_uri.removeprefix("models:/"))
    tracker.client.create_registered_model("late")
    version = tracker.client.create_model_version("late", model.artifact_location)
    tracker.client.set_registered_model_alias("late", "champion", version.version)

    champion = current_champion(run.store, run.tracking_uri, "late")
    assert champion.is_foreign
    assert (champion.version, champion.snapshot_digest, champion.train_end) == (str(version.version), "", None)


@pytest.mark.parametrize("value", ["yesterday", "", "0001-01-01T00:00:00+14:00"])
def test_what_the_champions_tags_say_does_not_matter(run, tracker, log_candidate, evaluation_of, make_verdict, value):
    candidate = log_candidate()
    registered = register(run, candidate, evaluation_of(candidate), make_verdict())
    promote(run, registered, make_verdict())
    before = current_champion(run.store, run.tracking_uri, "late")
    for tag in candidate.provenance.to_tags():
        tracker.client.set_model_version_tag("late", registered.version, tag, value)

    assert current_champion(run.store, run.tracking_uri, "late") == before


def test_a_champion_whose_record_is_gone_is_like_one_made_by_hand(run, log_candidate, evaluation_of, make_verdict):
    candidate = log_candidate()
    registered = register(run, candidate, evaluation_of(candidate), make_verdict())
    promote(run, registered, make_verdict())
    run.store.delete(BUNDLE.key("late", candidate.mlflow_run_id))

    champion = current_champion(run.store, run.tracking_uri, "late")
    assert champion.is_foreign
    assert (champion.version, champion.train_end) == (registered.version, None)


def test_a_dry_run_registers_nothing(dry, tracker, log_candidate, evaluation_of, make_verdict):
    candidate = log_candidate()
    with pytest.raises(PromotionError, match="dry run"):
        register(dry, candidate, evaluation_of(candidate), make_verdict())
    assert tracker.client.search_registered_models() == []


def test_a_registry_that_is_away_is_told(run, log_candidate, evaluation_of, make_verdict):
    candidate, away = (
        log_candidate(),
        replace(run, deployment=replace(run.deployment, tracking_uri="http://127.0.0.1:9")),
    )
    with pytest.raises(TrackingUnavailable):
        register(away, candidate, evaluation_of(candidate), make_verdict())


def test_an_evaluation_of_something_else_is_no_evidence(run, tracker, log_candidate, evaluation_of, make_verdict):
    candidate, other = log_candidate(), log_candidate()
    with pytest.raises(PromotionError, match=f"evaluation is of MLflow run {other.mlflow_run_id}"):
        register(run, candidate, evaluation_of(other), make_verdict())
    assert tracker.client.search_registered_models() == []
