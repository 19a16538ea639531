"""A champion is checked by what it carries, whatever the spec and the source have become since it was trained."""

from __future__ import annotations

import importlib
import io
import shutil
import sys
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from perennial.backup.verify import verify
from perennial.cli.monitor import check_once
from perennial.data.snapshots.manifest import load_manifest
from perennial.data.snapshots.read import read_snapshot
from perennial.data.split import apply_split
from perennial.errors import BundleChanged
from perennial.evaluation.records import Evaluation
from perennial.layout import EVALUATION
from perennial.monitoring.drift_tests import reference
from perennial.monitoring.drift_tests.champion_model import Scored
from perennial.monitoring.drift_tests.reference import prepare_reference
from perennial.monitoring.ledger import read_ledger
from perennial.monitoring.opening import open_check
from perennial.monitoring.records import DriftTestResult, MonitorState
from perennial.monitoring.state import load_state
from perennial.monitoring.steps import close_check
from perennial.registry.bundles import load_champion
from perennial.registry.champions import current_champion
from perennial.spec import ModelSpec
from perennial.store.sealed import read_record
from tests.watched_model import SPEC, START, TRAINED_ROWS, make_watched

MONITORING = {"min_rows": 100, "volume": {"rows": 10_000}, "page_hinkley": {"one_false_alarm_in": 20_000, "shift": 1.0}}
FLOOR = {"performance": {"minimum": {"roc_auc": 0.5}}}
OF_THE_COLUMNS, OF_THE_MODEL = ("ks", "categorical"), ("predictions", "page_hinkley", "performance")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, mlflow_template):
    home = tmp_path_factory.mktemp("trained")
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    watched = make_watched(home / "model", f"sqlite:///{home}/mlflow.db", monitoring=MONITORING | FLOOR)
    watched.retrain()
    return watched


@pytest.fixture
def watched(trained, tmp_path):
    watched = trained.copy(tmp_path / "model")
    watched.land(TRAINED_ROWS, 400)
    return watched


def respecified(watched, **changes):
    return replace(watched, spec=ModelSpec.model_validate(SPEC | {"monitoring": MONITORING | FLOOR} | changes))


def rewrite(watched, change):
    """Change all files of the source."""
    for path in (watched.home / "rows").glob("*.parquet"):
        change(pd.read_parquet(path)).to_parquet(path, index=False)


def found_by(entry) -> dict[str, DriftTestResult]:
    return {result.test: result for result in entry.results}


def statuses(entry) -> dict[str, str]:
    return {result.test: result.status for result in entry.results}


def assert_not_tested(entry, names, reason):
    for name in names:
        found = found_by(entry)[name]
        assert (found.status, found.sentence) == ("not tested", f"{name}: not tested, {reason}.")


def objects(watched, prefix) -> dict[str, str]:
    return {item.key: item.version for item in watched.run().store.list(prefix)}


# What changes no result of a check.


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": "someone else"},
        {"description": "The same."},
        {"tags": ["new"]},
        {"schedule": {"cron": "0 6 * * 1"}},
        {"resources": {"priority": 7, "cpu": 2.0}},
        {"alerts": {"email": {"to": ["ops@example.com"]}}},
        {"monitoring": MONITORING | FLOOR | {"schedule": {"every_minutes": 30}}},
        {"model": SPEC["model"] | {"params": {"C": 0.5}}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_field_that_changes_no_check_leaves_reference_and_open_check_as_they_were(watched, changes):
    check = open_check(watched.run())
    before = objects(watched, "watched/")
    other = respecified(watched, **changes)
    assert open_check(other.run()) == check
    champion = current_champion(other.run().store, other.tracking_uri, "watched")
    prepare_reference(other.run(), champion)
    assert objects(watched, "watched/") == before


def test_columns_that_are_excluded_make_another_reference_and_another_check(watched):
    check = open_check(watched.run())
    before = objects(watched, "watched/monitor/references/")
    other = respecified(watched, monitoring=MONITORING | {"drift": {"exclude": ["x"]}})
    again = open_check(other.run())
    assert again.watched_as != check.watched_as
    after = objects(watched, "watched/monitor/references/")
    assert before.items() < after.items()
    assert len({key.split("/")[3] for key in after}) == 2


def test_how_a_check_is_judged_leaves_the_reference_and_starts_the_check_again(watched):
    check = open_check(watched.run())
    before = objects(watched, "watched/monitor/references/")
    other = respecified(watched, monitoring=MONITORING | {"drift": {"effect_floor": 0.3}})
    assert open_check(other.run()).watched_as != check.watched_as
    assert objects(watched, "watched/monitor/references/") == before


# Which rows each statistic saw.


def test_the_detector_is_calibrated_on_the_holdout_of_the_verdict_and_not_on_the_gap_before_it(
    tmp_path, mlflow_uri, monkeypatch
):
    target = {"column": "y", "label_delay_days": 3}
    watched = make_watched(tmp_path / "model", mlflow_uri, target=target, monitoring=MONITORING)
    watched.land(TRAINED_ROWS, 6000)
    watched.retrain()
    run = watched.run()
    champion = current_champion(run.store, watched.tracking_uri, "watched")
    calibrated_on = []
    calibrate = reference.calibrate

    def noted(losses, **settings):
        calibrated_on.append((losses, settings["times"]))
        return calibrate(losses, **settings)

    monkeypatch.setattr(reference, "calibrate", noted)
    prepare_reference(run, champion)

    ((losses, times),) = calibrated_on
    evaluation = read_record(run.store, EVALUATION.key("watched", "first"), Evaluation, "")
    bundle = load_champion(run, champion)
    split = bundle.manifest.split
    assert len(losses) == len(times) == evaluation.rows == split.holdout_rows
    assert split.gap_rows > evaluation.rows
    newest = pd.Timestamp(START) + pd.Timedelta(minutes=TRAINED_ROWS + 6000 - 1)
    expected = pd.date_range(end=newest, periods=evaluation.rows, freq="min")
    assert list(times) == list(expected)
    assert split.holdout_start - split.train_end >= timedelta(days=3)
    loaded = reference.load_reference(run, champion)
    assert loaded.predictions.compare({"prediction": [0.5] * 40})["prediction"].n_reference == evaluation.rows

    snapshot = load_manifest(run.store, "watched", champion.snapshot_digest)
    holdout = apply_split(read_snapshot(run.store, snapshot), split, "classification").holdout
    of_twin, of_served = (Scored(model.predict(holdout)).losses(holdout["y"]) for model in (bundle.twin, bundle.model))
    np.testing.assert_array_equal(losses, of_twin)
    assert not np.array_equal(losses, of_served)


@pytest.mark.parametrize("refit", [True, False])
def test_features_are_compared_with_the_rows_that_the_served_model_learnt_from(tmp_path, mlflow_uri, refit):
    watched = make_watched(
        tmp_path / "model", mlflow_uri, model=SPEC["model"] | {"refit": refit}, monitoring=MONITORING
    )
    watched.retrain()
    run = watched.run()
    champion = current_champion(run.store, watched.tracking_uri, "watched")
    numeric = reference.load_reference(run, champion).numeric
    served = load_champion(run, champion).manifest.served
    assert champion.train_end == served.train_end
    assert (served.rows == TRAINED_ROWS) == refit
    now = {name: [0.5] * 40 for name in ("x", "few", "holes")}
    assert numeric.compare(now)["x"].n_reference == served.rows


# A transform that is elsewhere by now.


def write_module(folder, name):
    (folder / f"{name}.py").write_text("def double(rows):\n    return rows.assign(x=2 * rows['x'])\n")
    importlib.invalidate_caches()


def features(module):
    return SPEC["features"] | {"transform": f"{module}:double", "inputs": ["x", "few", "holes", "kind"]}


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A folder of the user's modules."""
    folder = tmp_path / "code"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in ("old_features", "new_features"):
        sys.modules.pop(name, None)


@pytest.fixture
def renamed(code, tmp_path, mlflow_uri):
    """A champion of `old_features`, whose spec names `new_features` by now."""
    write_module(code, "old_features")
    old = make_watched(tmp_path / "model", mlflow_uri, features=features("old_features"), monitoring=MONITORING | FLOOR)
    old.retrain()
    write_module(code, "new_features")
    old.land(TRAINED_ROWS, 400)
    return respecified(old, features=features("new_features"))


def delete_old(code):
    (code / "old_features.py").unlink()
    shutil.rmtree(code / "__pycache__", ignore_errors=True)
    sys.modules.pop("old_features", None)
    importlib.invalidate_caches()


def test_a_champion_whose_transform_was_renamed_is_tested_by_its_old_one(renamed):
    entry = renamed.decide()
    assert set(statuses(entry).values()) == {"quiet"}


@pytest.mark.parametrize("prepared", [True, False], ids=["its reference is there", "nothing is prepared"])
def test_of_a_champion_whose_transform_is_gone_only_rows_are_counted_and_it_is_said_why(renamed, code, prepared):
    if prepared:
        run = renamed.run()
        prepare_reference(run, current_champion(run.store, renamed.tracking_uri, "watched"))
    delete_old(code)
    output = io.StringIO()
    checked = check_once(renamed.run(), Console(file=output, width=200))
    entry = checked.entry
    assert statuses(entry) == dict.fromkeys((*OF_THE_COLUMNS, *OF_THE_MODEL), "not tested") | {"volume": "quiet"}
    for name in (*OF_THE_COLUMNS, *OF_THE_MODEL):
        sentence = found_by(entry)[name].sentence
        assert "champion v1" in sentence
        assert "old_features" in sentence
    assert found_by(entry)["volume"].figures["rows_since_training"] == 400
    assert read_ledger(renamed.run().store, "watched") == (entry,)
    assert entry.decision.outcome == "none"
    assert "not tested" in output.getvalue()


def test_the_detector_goes_on_where_it_stood_when_the_transform_is_there_again(renamed, code):
    close_check(renamed.run(), renamed.decide())
    before = load_state(renamed.run().store, "watched")[0].page_hinkley
    delete_old(code)
    renamed.land(TRAINED_ROWS + 400, 400)
    entry = renamed.decide()
    close_check(renamed.run(), entry)
    assert statuses(entry)["page_hinkley"] == "not tested"
    assert before is not None
    assert load_state(renamed.run().store, "watched")[0].page_hinkley == before
    write_module(code, "old_features")
    renamed.land(TRAINED_ROWS + 800, 400)
    assert found_by(renamed.decide())["page_hinkley"].detector["rows_seen"] == 800


# Columns that the spec has dropped, and those that the source has.


def test_a_column_that_only_the_champion_reads_is_still_tested(watched):
    narrower = respecified(watched, features={"numeric": ["x", "few"], "categorical": ["kind"]})
    entry = narrower.decide()
    assert set(statuses(entry).values()) == {"quiet"}
    assert {column.column for column in found_by(entry)["ks"].columns if column.tested} == {"x", "few", "holes"}


def test_a_column_that_only_the_spec_reads_is_not_looked_at(watched):
    rewrite(watched, lambda rows: rows.assign(more=1.0))
    wider = respecified(watched, features={"numeric": ["x", "few", "holes", "more"], "categorical": ["kind"]})
    entry = wider.decide()
    assert set(statuses(entry).values()) == {"quiet"}
    assert {column.column for column in found_by(entry)["ks"].columns} == {"x", "few", "holes"}


def test_a_column_that_the_source_has_lost_is_not_tested_nor_is_the_model_that_reads_it(watched):
    rewrite(watched, lambda rows: rows.drop(columns="holes"))
    entry = respecified(watched, features={"numeric": ["x", "few"], "categorical": ["kind"]}).decide()
    assert [statuses(entry)[name] for name in OF_THE_COLUMNS] == ["quiet", "quiet"]
    columns = {column.column: column for column in found_by(entry)["ks"].columns}
    assert (columns["holes"].tested, columns["holes"].reason) == (False, "the source no longer has it")
    assert columns["x"].tested
    reason = "champion v1 cannot read these rows (holes: the source no longer has it)"
    assert_not_tested(entry, OF_THE_MODEL, reason)
    assert statuses(entry)["volume"] == "quiet"


def test_a_column_that_is_of_another_kind_now_is_not_tested_nor_is_the_model_that_reads_it(watched):
    rewrite(watched, lambda rows: rows.assign(few=rows["few"].map("few {}".format)))
    entry = respecified(watched, features={"numeric": ["x", "holes"], "categorical": ["kind", "few"]}).decide()
    assert [statuses(entry)[name] for name in OF_THE_COLUMNS] == ["quiet", "quiet"]
    columns = {column.column: column for column in found_by(entry)["ks"].columns}
    why = "the spec reads it as text now, and the champion as numbers"
    assert (columns["few"].tested, columns["few"].reason) == (False, why)
    assert_not_tested(entry, OF_THE_MODEL, f"champion v1 cannot read these rows (few: {why})")


def test_a_transform_that_lacks_a_column_makes_no_features_and_it_is_said_why(renamed):
    rewrite(renamed, lambda rows: rows.drop(columns="holes"))
    entry = respecified(renamed, features={"numeric": ["x", "few"], "categorical": ["kind"]}).decide()
    reason = "champion v1 cannot read these rows (holes: the source no longer has it)"
    assert_not_tested(entry, (*OF_THE_COLUMNS, *OF_THE_MODEL), reason)
    assert statuses(entry)["volume"] == "quiet"


# What the champion predicts, and what the spec asks for.


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"target": {"column": "z", "label_delay_days": 0}},
            "champion v1 is a model of classification for 'y', and the spec's is of classification for 'z'",
        ),
        (
            {
                "task": "regression",
                "evaluation": {"holdout": {"days": 0.7}, "primary": "rmse"},
                "monitoring": MONITORING | {"performance": {"maximum": {"rmse": 1.0}}},
            },
            "champion v1 is a model of classification for 'y', and the spec's is of regression for 'y'",
        ),
    ],
    ids=["target", "task"],
)
def test_a_champion_of_another_target_or_task_is_watched_but_for_its_losses_and_metrics(watched, changes, reason):
    rewrite(watched, lambda rows: rows.assign(z=1 - rows["y"]))
    entry = respecified(watched, **changes).decide()
    assert_not_tested(entry, ("page_hinkley", "performance"), reason)
    assert {statuses(entry)[name] for name in (*OF_THE_COLUMNS, "predictions", "volume")} == {"quiet"}


# Files that were changed.


@pytest.mark.parametrize("name", ["model.skops", "twin-model.skops", "bundle.json"])
@pytest.mark.parametrize("prepared", [True, False], ids=["its reference is there", "nothing is prepared"])
def test_a_champion_whose_files_were_changed_is_refused_by_name_and_nothing_is_decided(
    tmp_path, mlflow_uri, name, prepared
):
    watched = make_watched(tmp_path / "model", mlflow_uri, monitoring=MONITORING)
    watched.retrain()
    watched.land(TRAINED_ROWS, 400, shift=2.0)
    run = watched.run()
    if prepared:
        prepare_reference(run, current_champion(run.store, mlflow_uri, "watched"))
    (twin,) = (tmp_path / "mlflow").rglob("twin-model.skops")
    path = twin.with_name(name)
    original = path.read_bytes()
    path.write_bytes(original.replace(b"a", b"b", 1))

    said = rf"champion v1: its file {name} in MLflow's artifact storage is not the one that was trained.*Restore"
    with pytest.raises(BundleChanged, match=said):
        check_once(run, Console(file=io.StringIO()))
    assert read_ledger(run.store, "watched") == ()
    assert load_state(run.store, "watched")[0] == MonitorState()
    for deep in (False, True):
        problems = verify(run.store, mlflow_uri, watched.spec, deep=deep).problems
        assert any(f"version 1: champion v1: its file {name} in MLflow's" in problem for problem in problems)

    path.write_bytes(original)
    assert statuses(check_once(run, Console(file=io.StringIO())).entry)["predictions"] == "fired"


# An entity that the champion's rows do not have.


def test_without_the_entity_in_the_champions_rows_columns_are_not_tested_and_all_else_is(watched):
    rewrite(watched, lambda rows: rows.assign(plane=rows["id"] % 20))
    monitoring = MONITORING | FLOOR | {"drift": {"entity": "plane"}}
    entry = respecified(watched, monitoring=monitoring).decide()
    assert_not_tested(
        entry,
        OF_THE_COLUMNS,
        "the rows that champion v1 was trained on have no column 'plane', which monitoring.drift.entity names: retrain, so "
        "that there are rows with it to compare with",
    )
    assert {statuses(entry)[name] for name in (*OF_THE_MODEL, "volume")} == {"quiet"}
