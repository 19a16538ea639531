"""A model whose champions serve together, from its trainings to its checks: real MLflow, store and models."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from perennial.backup.verify import verify
from perennial.ensemble.files import member_folder, read_ensemble
from perennial.ensemble.kept_weights import find_weights
from perennial.ensemble.model import EnsembleModel
from perennial.errors import BundleChanged
from perennial.evaluation.records import Evaluation
from perennial.layout import EVALUATION, WEIGHTS
from perennial.models.predictions import identical
from perennial.monitoring.drift_tests.reference import prepare_reference
from perennial.monitoring.ledger import read_entry
from perennial.monitoring.report.page import render_report
from perennial.monitoring.steps import CheckReader, close_check
from perennial.registry.bundles import load_champion, load_version, recorded_champion
from perennial.registry.champions import current_champion
from perennial.registry.tracking import Tracker
from perennial.run import RetrainingRun
from perennial.stages import STAGES
from perennial.store.sealed import read_record
from perennial.training.reproduce import reproduce
from tests.watched_model import SPEC, Watched, make_watched

MODEL = {**SPEC["model"], "ensemble": {"members": 3}}
JUDGING = {**SPEC["evaluation"], "gates": {"tolerance": 0.05}}
RUNS = ("first", "second", "third", "fourth")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Four promoted models, of which the newest three serve together."""
    home = tmp_path_factory.mktemp("together")
    watched = make_watched(home / "model", f"sqlite:///{home}/mlflow.db", model=MODEL, evaluation=JUDGING)
    for number, run_id in enumerate(RUNS):
        if number:
            watched.land(2000 + 1000 * number, 1000)
        watched.retrain(run_id)
    prepare_reference(watched.run(), champion(watched))  # once for all tests
    return watched


@pytest.fixture
def mine(watched: Watched, tmp_path) -> Watched:
    """The same with a source and a store of its own."""
    return watched.copy(tmp_path / "mine")


def champion(watched: Watched):
    return current_champion(watched.deployment.store, watched.tracking_uri, watched.spec.name)


def rows(watched: Watched) -> pd.DataFrame:
    return pd.read_parquet(watched.home / "rows" / "005000.parquet")[["x", "few", "holes", "kind"]]


def weights(found) -> dict[str, float]:
    return {one.mlflow_run_id: one.weight for one in found.weights}


def checked(watched: Watched, first: int, **landing):
    watched.land(first, 1000, **landing)
    return watched.decide()


def test_the_champion_is_the_newest_three_and_the_first_serves_no_longer(watched):
    found = champion(watched)
    bundle = load_champion(watched.run(), found)
    assert found.version == "4"
    assert isinstance(bundle.model, EnsembleModel)
    assert list(bundle.model.members) == [one.mlflow_run_id for one in found.weights]
    versions = [load_version(watched.run(), str(number)) for number in (2, 3, 4)]
    assert list(bundle.model.members) == [one.manifest.members[-1].mlflow_run_id for _, one in versions], (
        "each is the newest member of its own version"
    )
    assert sum(weights(found).values()) == pytest.approx(1)


def test_each_member_serves_its_refit_and_keeps_its_twin(watched):
    bundle = load_champion(watched.run(), champion(watched))
    for name, member in bundle.model.members.items():
        twin = bundle.twin.members[name]
        assert not identical(member.predict(rows(watched)), twin.predict(rows(watched)))


def test_the_verdict_was_on_the_ensemble_with_the_candidate_beside_the_one_without(watched):
    run = RetrainingRun(**(watched.arguments | {"run_id": "fourth"}))
    evaluation = read_record(run.store, run.prefix + EVALUATION.name, Evaluation, "")
    judged = evaluation.ensemble
    assert judged is not None
    assert [one.mlflow_run_id for one in judged.members] == list(weights(champion(watched)))
    assert judged.members[-1].mlflow_run_id == evaluation.mlflow_run_id
    losses = np.array([one.loss for one in judged.members])
    ratios = (losses.min() / losses) ** 8
    np.testing.assert_allclose([one.weight for one in judged.members], ratios / ratios.sum(), rtol=1e-9)
    assert any("judged together with 2 models of champion v3" in note for note in evaluation.notes)
    expected = recorded_champion(watched.run(), champion(watched)).manifest.expected_loss
    assert expected == judged.loss


def test_mlflow_alone_serves_the_weights_of_the_promotion(watched):
    mlflow.set_tracking_uri(watched.tracking_uri)
    served = mlflow.pyfunc.load_model("models:/watched@champion")
    bundle = load_champion(watched.run(), champion(watched).model_copy(update={"weights": ()}))
    assert served.predict(rows(watched)).tolist() == bundle.predict(rows(watched)).values.tolist()


def test_all_that_it_consists_of_is_verified(watched):
    found = verify(watched.deployment.store, watched.tracking_uri, watched.spec, deep=True)
    assert found.problems == ()


def test_its_newest_member_can_be_trained_again(watched):
    repeated = reproduce(watched.run(), "champion")
    assert repeated.identical, repeated.sentence
    assert repeated.twin is not None


def test_assembling_again_finds_what_is_there(watched):
    run = RetrainingRun(**(watched.arguments | {"run_id": "fifth"}))
    watched.land(6000, 1000)
    made = {}
    for stage in STAGES.values():
        taken = [made.get(name) for name in stage.takes]
        if stage.name == "register":
            break
        if not stage.why_not(run, *taken):
            made[stage.makes] = stage(run, *taken)
    (watched.home / "rows" / "006000.parquet").unlink()
    taken = [made[name] for name in STAGES["assemble"].takes]
    tracker = Tracker(watched.tracking_uri)
    candidate = made["candidate"]

    def logged() -> set[str]:
        found = tracker.client.search_logged_models(
            [candidate.experiment_id], f"source_run_id = '{candidate.mlflow_run_id}'"
        )
        return {one.model_id for one in found}

    before = logged()
    with tracker.connected():  # as a killed attempt leaves one
        tracker.client.create_logged_model(candidate.experiment_id, name="x", source_run_id=candidate.mlflow_run_id)
    assert STAGES["assemble"](run, *taken) == made["assembly"]
    assert logged() == before
    refit = [made[name] for name in STAGES["refit"].takes]
    assert STAGES["refit"](run, *refit) == made["refit"]
    assert logged() == before, "a repeated refit leaves the ensemble alone"


def test_a_check_moves_the_weights_once_by_the_losses_on_rows_that_no_member_has_seen(mine):
    before = champion(mine)
    entry = checked(mine, 6000)
    moved = entry.reweighting
    assert moved is not None
    assert moved.loss.rows == 1000
    assert {one.mlflow_run_id: one.before for one in moved.members} == pytest.approx(weights(before))
    assert moved.sentence in entry.decision.reasons
    assert moved.sentence.replace("'", "&#39;") in render_report(CheckReader(mine.run()), entry).decode()
    assert weights(champion(mine)) == weights(before), "until the check is closed"
    for _ in range(2):
        close_check(mine.run(), entry)
    after = champion(mine)
    assert weights(after) == {one.mlflow_run_id: one.weight for one in moved.members}
    assert (after.version, after.bundle_digest) == (before.version, before.bundle_digest), "no new version"
    bundle = load_champion(mine.run(), after)
    assert bundle.model.weights == pytest.approx(weights(after))
    following = checked(mine, 7000).reweighting
    assert {one.mlflow_run_id: one.before for one in following.members} == pytest.approx(weights(after))


def test_a_check_that_was_killed_after_the_weights_moved_is_closed_to_the_same(mine):
    entry = checked(mine, 6000)
    close_check(mine.run(), entry)
    store, digest = mine.deployment.store, champion(mine).bundle_digest
    whole = find_weights(store, "watched", digest)
    store.delete("watched/monitor/state.json")  # as if it had been killed before the state was written
    close_check(mine.run(), read_entry(store, "watched", entry.sequence))
    assert find_weights(store, "watched", digest) == whole


def test_a_drift_that_the_weights_answer_retrains_nothing(mine):
    entry = checked(mine, 6000, shift=2.0)
    assert any(result.test == "ks" and result.status == "fired" for result in entry.results)
    assert entry.reweighting.within_noise
    assert (entry.decision.outcome, entry.decision.held_by, entry.decision.alarm) == ("hold", "weights", None)
    assert entry.decision.reasons[-1].endswith("nothing is retrained.")


def test_too_few_matured_rows_move_nothing(mine):
    mine.land(6000, 90)
    entry = mine.decide()
    assert entry.check.matured_rows == 90
    assert entry.reweighting is None


def test_a_rollback_returns_to_the_earlier_members_with_the_weights_that_they_had(mine):
    close_check(mine.run(), checked(mine, 6000))
    newest = champion(mine)
    tracker = Tracker(mine.tracking_uri)
    tracker.client.set_registered_model_alias("watched", "champion", "3")
    try:
        earlier = champion(mine)
        assert earlier.version == "3"
        assert [one.mlflow_run_id for one in earlier.weights][1:] == [one.mlflow_run_id for one in newest.weights][:2]
        assert load_champion(mine.run(), earlier).left_out == ()
    finally:
        tracker.client.set_registered_model_alias("watched", "champion", "4")
    assert champion(mine) == newest


def test_damaged_weights_fall_back_to_those_of_the_promotion(mine):
    promoted = champion(mine)
    close_check(mine.run(), checked(mine, 6000))
    mine.deployment.store.write(WEIGHTS.key("watched", promoted.bundle_digest), b"{")
    assert champion(mine) == promoted


def test_a_damaged_member_in_mlflow_is_left_out_of_checks_and_named_by_verify(mine):
    found = champion(mine)
    oldest = found.weights[0].mlflow_run_id
    name = member_folder(oldest) + "model.skops"
    tracker = Tracker(mine.tracking_uri)
    file = Path(tracker._place(f"models:/watched/{found.version}").removeprefix("file://")) / name
    content = file.read_bytes()
    try:
        file.write_bytes(content[:-1])
        entry = checked(mine, 6000)
        assert [one.mlflow_run_id for one in entry.reweighting.members] == list(weights(found))[1:]
        problems = verify(mine.deployment.store, mine.tracking_uri, mine.spec).problems
        assert any("left out" in problem and "model.skops" in problem for problem in problems)
        file.unlink()
        bundle = load_champion(mine.run(), found)
        assert list(bundle.model.members) == list(weights(found))[1:]
        assert "is gone from MLflow's artifact storage" in bundle.left_out[0]
    finally:
        file.write_bytes(content)


def test_where_the_ensembles_own_manifest_was_changed_nothing_is_loaded(mine):
    found = champion(mine)
    recorded = recorded_champion(mine.run(), found)
    with mine.deployment.store.scratch() as folder:
        (folder / "bundle.json").write_bytes(b"{}")
        with pytest.raises(BundleChanged):
            read_ensemble(folder, recorded, "champion v4")
