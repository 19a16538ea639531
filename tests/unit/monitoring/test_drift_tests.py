"""The six tests over a real champion: what each makes of rows like those of the training, and of others."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from perennial.digests import reference_digest
from perennial.drift import PageHinkley
from perennial.monitoring.drift_tests.reference import load_reference, prepare_reference
from perennial.monitoring.ledger import find_entry
from perennial.monitoring.records import DriftTestResult
from perennial.monitoring.state import load_state
from perennial.monitoring.steps import TESTS, CheckReader, close_check, make_test, open_check
from perennial.registry.champions import current_champion
from perennial.spec import ModelSpec
from tests.watched_model import SPEC, TRAINED_ROWS, make_watched

SENSITIVE = {"min_rows": 100, "page_hinkley": {"one_false_alarm_in": 20_000, "shift": 1.0}}


@pytest.fixture(scope="module")
def champion(tmp_path_factory, mlflow_template):
    home = tmp_path_factory.mktemp("champion")
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    watched = make_watched(home / "model", f"sqlite:///{home}/mlflow.db", monitoring=SENSITIVE)
    watched.retrain()
    prepare_reference(watched.run(), crowned(watched))
    return watched


@pytest.fixture
def watched(champion, tmp_path):
    return champion.copy(tmp_path / "model")


def crowned(watched):
    return current_champion(watched.run().store, watched.tracking_uri, "watched")


def results(run) -> dict[str, DriftTestResult]:
    check = open_check(run)
    return {name: make_test(CheckReader(run), check, name) for name in TESTS}


def respecified(watched, **changes):
    return replace(watched, spec=ModelSpec.model_validate(SPEC | {"monitoring": SENSITIVE} | changes))


def test_rows_like_those_of_the_training_are_quiet(watched):
    watched.land(TRAINED_ROWS, 1000)
    found = results(watched.run())
    assert {name: result.status for name, result in found.items()} == {
        "ks": "quiet",
        "categorical": "quiet",
        "predictions": "quiet",
        "page_hinkley": "quiet",
        "performance": "quiet",
        "volume": "not tested",
    }
    assert found["performance"].sentence.startswith("performance: mean loss ")
    assert abs(found["performance"].figures["mean_loss_rise"]) < 0.2
    assert found["performance"].figures["rows"] == 1000
    assert found["volume"].sentence == "volume: not tested, the spec names no number."


def test_other_rows_fire_and_the_figures_say_what_was_found(watched):
    watched.land(TRAINED_ROWS, 1000, shift=2.0, kind="new")
    found = results(watched.run())
    assert {name for name, result in found.items() if result.status == "fired"} >= {"ks", "categorical", "predictions"}
    assert found["ks"].figures["largest_column"] in ("x", "few")
    assert {column.column for column in found["ks"].columns if column.drifted} == {"x", "few", "holes"}
    (kind,) = found["categorical"].columns
    assert kind.unseen == ("new",)


def test_what_is_found_survives_the_ledger(watched):
    watched.land(TRAINED_ROWS, 1000, shift=2.0, kind="new")
    entry = watched.decide()
    assert find_entry(watched.run().store, "watched", 1) == entry


def test_columns_that_are_left_out_are_not_looked_at(watched):
    watched.land(TRAINED_ROWS, 300, shift=2.0)
    drift = {"exclude": ["x", "few", "holes", "kind"]}
    found = results(respecified(watched, monitoring=SENSITIVE | {"drift": drift}).run())
    assert found["ks"].sentence == "ks: not tested, the champion has no such features."
    assert found["categorical"].status == "not tested"


def spoil(watched, first, rows):
    """Land rows whose labels are turned round, so that the champion is wrong as often as it was right."""
    import pandas as pd

    watched.land(first, rows)
    path = watched.home / "rows" / f"{first:06d}.parquet"
    frame = pd.read_parquet(path)
    frame.assign(y=1 - frame["y"]).to_parquet(path, index=False)


def test_losses_that_grow_are_found_and_quiet_ones_after_the_alarm_are_told_from_them(watched):
    spoil(watched, TRAINED_ROWS, 600)
    found = results(watched.run())["page_hinkley"]
    assert found.status == "fired"
    assert found.figures["over_threshold"] > 1
    assert found.figures["mean_loss_shift"] > 0.5
    assert found.figures["first_detection"] < 300
    assert "the loss changed at row" in found.sentence


def test_the_detector_goes_on_where_the_last_check_left_it(watched):
    watched.land(TRAINED_ROWS, 300)
    close_check(watched.run(), watched.decide())
    watched.land(TRAINED_ROWS + 300, 300)
    second = results(watched.run())["page_hinkley"]
    assert PageHinkley.from_state(second.detector).rows_seen == 600


def test_cut_into_two_checks_the_losses_give_the_same_detector_as_in_one(champion, tmp_path):
    once, twice = champion.copy(tmp_path / "once"), champion.copy(tmp_path / "twice")
    for watched in (once, twice):
        spoil(watched, TRAINED_ROWS, 400)
    close_check(twice.run(), twice.decide())
    for watched in (once, twice):
        watched.land(TRAINED_ROWS + 400, 400)
        # What the first check called for was begun elsewhere, so that it is not taken for lost.
        close_check(watched.run(), watched.decide(was_started=lambda _: True))
    assert (
        load_state(once.run().store, "watched")[0].page_hinkley
        == load_state(twice.run().store, "watched")[0].page_hinkley
    )


def test_a_coalesced_checks_losses_are_fed_once(watched):
    spoil(watched, TRAINED_ROWS, 400)
    busy = watched.run(active=("manual",))
    entry = watched.decide(active=("manual",))
    assert entry.decision.outcome == "coalesce"
    close_check(busy, entry)
    again = watched.decide()
    ph = {e.sequence: next(r for r in e.results if r.test == "page_hinkley") for e in (entry, again)}
    assert ph[1] == ph[2]
    assert PageHinkley.from_state(ph[2].detector).rows_seen == 400


def test_another_sensitivity_starts_the_detector_again_and_another_field_does_not(watched):
    watched.land(TRAINED_ROWS, 300)
    close_check(watched.run(), watched.decide())
    watched.land(TRAINED_ROWS + 300, 300)
    renamed = respecified(watched, owner="someone else")
    calmer = respecified(watched, monitoring=SENSITIVE | {"page_hinkley": {"one_false_alarm_in": 90_000, "shift": 1.0}})
    rows = [PageHinkley.from_state(results(w.run())["page_hinkley"].detector).rows_seen for w in (renamed, calmer)]
    assert rows == [600, 300]


def test_a_detector_that_the_spec_takes_away_is_gone(watched):
    watched.land(TRAINED_ROWS, 300)
    close_check(watched.run(), watched.decide())
    watched.land(TRAINED_ROWS + 300, 300)
    found = results(respecified(watched, monitoring=SENSITIVE | {"page_hinkley": None}).run())["page_hinkley"]
    assert (found.status, found.detector) == ("not tested", None)
    assert "the spec does not ask for a Page-Hinkley test" in found.sentence


@pytest.mark.parametrize(
    ("performance", "status", "said"),
    [
        ({"minimum": {"roc_auc": 0.5}}, "quiet", "at least 0.5"),
        ({"minimum": {"roc_auc": 0.99}}, "fired", "at least 0.99"),
        ({"maximum": {"log_loss": 0.1}}, "fired", "at most 0.1"),
        ({"minimum": {"roc_auc": 0.5}, "maximum": {"log_loss": 0.1}}, "fired", "at most 0.1"),
        ({"minimum": {"roc_auc": 0.99}, "min_rows": 5000}, "not tested", "400 matured rows, fewer than 5000"),
    ],
)
def test_metrics_are_held_against_the_specs_floors(watched, performance, status, said):
    watched.land(TRAINED_ROWS, 400)
    spec = respecified(watched, monitoring=SENSITIVE | {"performance": performance, "page_hinkley": None})
    found = results(spec.run())["performance"]
    assert found.status == status
    assert said in found.sentence


@pytest.mark.parametrize(("flipped", "status"), [(0.0, "quiet"), (0.2, "quiet"), (1.0, "fired")])
def test_flipped_labels_fire_without_a_floor_and_without_page_hinkley(watched, flipped, status):
    watched.land(TRAINED_ROWS, 400, flipped=flipped)
    found = results(respecified(watched, monitoring=SENSITIVE | {"page_hinkley": None}).run())["performance"]
    assert found.status == status
    assert (found.figures["mean_loss_rise"] >= 1) == (status == "fired")


def test_too_few_matured_rows_and_no_floor_test_no_performance(watched):
    watched.land(TRAINED_ROWS, 150)
    found = results(watched.run())["performance"]
    assert found.status == "not tested"
    assert "150 matured rows are fewer than 200, and the spec names no floor (roc_auc 0." in found.sentence


@pytest.mark.parametrize(("rows", "status"), [(401, "quiet"), (400, "fired")])
def test_volume_counts_rows_since_the_training(watched, rows, status):
    watched.land(TRAINED_ROWS, 400)
    found = results(respecified(watched, monitoring=SENSITIVE | {"volume": {"rows": rows}}).run())["volume"]
    assert found.status == status
    assert found.figures == {"rows_since_training": 400, "limit": rows}


def test_labels_that_have_not_matured_test_nothing(watched):
    watched.land(TRAINED_ROWS, 300)
    target = {"column": "y", "label_delay_days": 20}
    found = results(respecified(watched, target=target).run())
    for name in ("page_hinkley", "performance"):
        assert (found[name].status, found[name].sentence) == (
            "not tested",
            f"{name}: not tested, no labels have matured.",
        )
    assert found["ks"].status == "quiet"


def test_the_reference_is_prepared_once_and_again_for_what_it_follows_from(watched):
    run = watched.run()
    champion = crowned(watched)
    folder = prepare_reference(run, champion)
    versions = {item.key: item.version for item in run.store.list(folder)}
    assert prepare_reference(run, champion) == folder
    assert {item.key: item.version for item in run.store.list(folder)} == versions
    excluding = respecified(watched, monitoring=SENSITIVE | {"drift": {"exclude": ["x"]}}).run()
    assert prepare_reference(excluding, champion) != folder
    assert load_reference(excluding, champion).numeric.columns == ("few", "holes")
    assert reference_digest(run.spec, champion.bundle_digest) != reference_digest(run.spec, "another's")


def test_scores_with_few_values_are_quiet_although_a_refit_gives_other_ones_than_its_twin(tmp_path, mlflow_uri):
    features = {"numeric": ["few"], "categorical": []}
    drift = {"drift": {"effect_floor": 0.1}, "page_hinkley": None}
    watched = make_watched(tmp_path / "model", mlflow_uri, features=features, monitoring=SENSITIVE | drift)
    watched.retrain()
    watched.land(TRAINED_ROWS, 1000)
    run = watched.run()
    check, reader = open_check(run), CheckReader(run)
    served = reader.scored(check.champion, check.batch).score
    assert not set(served) & set(reader.scored_by_twin(check.champion, check.batch).score)
    assert make_test(reader, check, "predictions").status == "quiet"
