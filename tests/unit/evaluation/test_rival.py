"""A champion is scored on the candidate's rows, or the evaluation says why it is not."""

from __future__ import annotations

import linecache
import py_compile
import shutil
import sys
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perennial.errors import BundleChanged, TrackingError
from perennial.evaluation.evaluate import evaluate
from perennial.layout import REFIT_BUNDLE
from perennial.models.candidate import Candidate
from perennial.promotion.verdict import decide
from perennial.registry.aliases import CHAMPION, version_by_alias
from perennial.registry.tracking import Tracker
from tests.unit.evaluation.retrained import SOME_LOGISTIC, START, Model, auc_of, champion_of, holdout, make_rows


def test_the_champions_twin_from_before_its_refit_is_scored_on_the_same_rows(model: Model) -> None:
    first = model.crown(model.run())
    model.land(make_rows(900))
    run = model.run("second")

    snapshot, candidate, evaluation = model.judge(run)

    champion = champion_of(evaluation)
    assert champion.mlflow_run_id == first.mlflow_run_id
    assert champion.is_refit
    assert champion.twin_train_end == first.split.train_end < champion.train_end
    assert evaluation.champion is not None
    rows = holdout(run, snapshot)
    assert evaluation.champion.metrics["roc_auc"] == pytest.approx(auc_of(run, first.mlflow_run_id, rows))
    assert evaluation.notes == ()
    logged = Tracker(model.tracking_uri).client.get_run(candidate.mlflow_run_id).data.metrics
    assert logged["champion.roc_auc"] == evaluation.champion.metrics["roc_auc"]


@pytest.mark.parametrize("refit", [True, False])
def test_a_candidate_that_says_what_the_champion_says_is_another_where_one_of_them_is_refit(
    model: Model, refit: bool
) -> None:
    model.crown(model.run(model=SOME_LOGISTIC | {"refit": False}))

    _, _, evaluation = model.judge(model.run("second", model=SOME_LOGISTIC | {"refit": refit}))

    assert evaluation.champion == evaluation.candidate
    assert evaluation.same_predictions is not refit


def test_a_champion_that_saw_held_out_rows_is_said_with_their_number(model: Model) -> None:
    champion = model.crown(model.run())
    earlier = START + timedelta(hours=499)

    snapshot, _, evaluation = model.judge(model.run("earlier", as_of=earlier))

    seen = (holdout(model.run(as_of=earlier), snapshot)["at"] <= champion.split.train_end).sum()
    assert 0 < seen < 150
    assert f"up to {seen} of the 150 held-out rows ({seen / 150:.0%})" in evaluation.notes[0]


def test_a_champion_whose_column_is_gone_leaves_the_absolute_gates(model: Model) -> None:
    model.crown(model.run(features={"numeric": ["x", "gap"], "categorical": ["kind"]}))
    run = model.run("second")

    _, candidate, evaluation = model.judge(run)

    assert evaluation.champion is None
    assert evaluation.notes == ("champion v1 reads columns that the snapshot lacks: gap",)
    verdict = decide(evaluation, run.spec, candidate)
    assert verdict.outcome == "promote"
    assert verdict.champion_version == "1"


def test_a_champion_whose_column_has_another_type_is_not_scored(model: Model) -> None:
    model.crown(model.run())
    model.land(make_rows(x=np.random.default_rng(0).choice(["low", "high"], 600)))

    _, _, evaluation = model.judge(model.run("second", features={"categorical": ["x", "kind"]}))

    assert evaluation.champion is None
    assert evaluation.notes == ("champion v1 reads columns that are of another type now: x (double then, string now)",)


def test_a_champion_for_another_task_is_not_scored(model: Model) -> None:
    model.crown(model.run())
    regression = {
        "task": "regression",
        "target": {"column": "amount"},
        "model": {"estimator": "sklearn.linear_model.Ridge"},
        "evaluation": {"holdout": {"rows": 150}, "primary": "r2"},
    }

    _, _, evaluation = model.judge(model.run("second", **regression))

    assert evaluation.champion is None
    assert evaluation.notes == ("champion v1 is a model of classification, and the spec's task is regression",)


def folder_of(tracking_uri: str, candidate: Candidate) -> Path:
    logged = Tracker(tracking_uri).client.get_logged_model(candidate.model_uri.removeprefix("models:/"))
    return Path(logged.artifact_location)


def folder_of_champion(model: Model) -> Path:
    version = version_by_alias(Tracker(model.tracking_uri), model.name, CHAMPION)
    assert version is not None
    return Path(version.source)


def damage(folder: Path, *, remove: bool = False) -> None:
    file = folder / "model.skops"
    file.write_bytes(b"half of a file")
    if remove:
        file.unlink()


def test_a_champion_whose_file_was_changed_is_refused_by_name_with_what_to_do(model: Model) -> None:
    model.crown(model.run())
    damage(folder_of_champion(model))
    run = model.run("second", model={**SOME_LOGISTIC, "seed": 1})
    said = r"champion v1: its file model\.skops .* is not the one that was trained.* move the alias 'champion'"
    with pytest.raises(BundleChanged, match=said):
        model.judge(run)
    assert not run.store.exists(run.prefix + "evaluation.json")


def test_a_changed_candidate_is_refused(model: Model) -> None:
    run = model.run()
    snapshot, candidate, _ = model.judge(run)
    damage(folder_of(model.tracking_uri, candidate))
    with pytest.raises(BundleChanged, match=r"the candidate: its file model\.skops"):
        evaluate(run, snapshot, candidate)


def test_a_file_that_was_replaced_by_another_sound_model_is_refused(model: Model) -> None:
    model.crown(model.run())
    _, other, _ = model.judge(model.run("other", features={"numeric": ["x"]}))
    source, target = folder_of(model.tracking_uri, other), folder_of_champion(model)
    for name in ("model.skops", "bundle.json"):
        shutil.copyfile(source / name, target / name)
    with pytest.raises(BundleChanged, match=r"champion v1: its file bundle\.json"):
        model.judge(model.run("third", model={**SOME_LOGISTIC, "seed": 1}))


def old_transform(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    module = folder / f"features_{uuid.uuid4().hex[:8]}.py"
    module.write_text("def doubled(rows):\n    return rows.assign(x=2 * rows['x'])\n")
    monkeypatch.syspath_prepend(folder)
    return module


def by(module: Path) -> dict[str, Any]:
    return {"numeric": ["x"], "transform": f"{module.stem}:doubled", "inputs": ["x"]}


def test_a_champion_whose_transform_was_renamed_is_scored_whatever_the_spec_trusts_now(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = old_transform(tmp_path, monkeypatch), old_transform(tmp_path, monkeypatch)
    model.crown(model.run(features=by(old)))

    _, candidate, evaluation = model.judge(model.run("second", features=by(new)))

    assert evaluation.champion is not None
    assert evaluation.champion.metrics == evaluation.candidate.metrics
    assert evaluation.notes == ()
    verdict = decide(evaluation, model.run(features=by(new)).spec, candidate)
    assert "its predictions for all 150 held-out rows equal those of champion v1" in verdict.sentence


def test_a_champion_whose_transform_is_gone_is_said_to_be_unscorable_and_the_run_goes_on(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = old_transform(tmp_path, monkeypatch)
    model.crown(model.run(features=by(old)))
    old.unlink()
    sys.modules.pop(old.stem)
    shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
    run = model.run("second")

    _, candidate, evaluation = model.judge(run)

    assert evaluation.champion is None
    verdict = decide(evaluation, run.spec, candidate)
    assert verdict.outcome == "promote"
    gate = next(gate for gate in verdict.gates if gate.name == "champion")
    assert gate.sentence.startswith("champion v1 cannot be loaded: ")
    assert old.stem in gate.sentence
    assert "minimum and maximum gates alone" in gate.sentence


def test_a_champion_whose_transform_is_left_without_its_source_is_not_scored_and_the_run_goes_on(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = old_transform(tmp_path, monkeypatch)
    model.crown(model.run(features=by(old)))
    py_compile.compile(str(old), cfile=str(old.with_suffix(".pyc")), doraise=True)
    old.unlink()
    sys.modules.pop(old.stem)
    linecache.clearcache()

    _, _, evaluation = model.judge(model.run("second"))

    assert evaluation.champion is None
    assert any("champion v1 cannot be loaded" in note and "keep it as a .py file" in note for note in evaluation.notes)


def test_a_transform_that_was_changed_since_is_said(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = old_transform(tmp_path, monkeypatch)
    model.crown(model.run(features=by(module)))
    module.write_text("def doubled(rows):\n    return rows.assign(x=2.5 * rows['x'])\n")
    sys.modules.pop(module.stem)
    linecache.clearcache()

    _, _, evaluation = model.judge(model.run("second", features=by(module)))

    assert evaluation.champion is not None
    assert evaluation.notes == (
        f"the source of {module.stem}:doubled has changed since champion v1 was trained with it, so its predictions "
        "may have changed",
    )


def test_a_champion_of_another_target_is_not_scored(model: Model) -> None:
    model.crown(model.run())
    model.land(make_rows(flag=make_rows()["label"]))
    _, _, evaluation = model.judge(model.run("second", target={"column": "flag"}))
    assert evaluation.champion is None
    assert evaluation.notes == ("champion v1 predicts 'label', and the spec's target is 'flag'",)


def test_another_owner_and_a_tolerance_make_no_new_champion_of_the_same_model(model: Model) -> None:
    gates = {"holdout": {"rows": 150}, "primary": "roc_auc", "gates": {"tolerance": 0.005}}
    model.crown(model.run(evaluation=gates))
    run = model.run("second", evaluation=gates, owner="someone else")

    _, candidate, evaluation = model.judge(run)

    verdict = decide(evaluation, run.spec, candidate)
    assert verdict.outcome == "reject"
    assert [gate.name for gate in verdict.gates if not gate.passed] == ["news"]


def test_a_model_that_nobody_recorded_is_compared_with_as_far_as_the_spec_trusts_it(model: Model) -> None:
    first = model.crown(model.run())
    run = model.run("second", features={"numeric": ["x"]})
    run.store.delete(REFIT_BUNDLE.key(model.name, first.mlflow_run_id))

    _, candidate, evaluation = model.judge(run)

    assert evaluation.champion is None
    assert evaluation.notes == ("champion v1 reads columns that the snapshot lacks: kind",)
    again = model.run("third", model={**SOME_LOGISTIC, "seed": 1})
    _, _, evaluation = model.judge(again)
    assert evaluation.champion is not None
    assert evaluation.notes[0] == "champion v1 was not trained by Perennial with this store"
    assert candidate.provenance.snapshot_digest


def test_another_champion_meanwhile_is_judged_against(model: Model) -> None:
    run = model.run("waiting", features={"numeric": ["x"]})
    snapshot, candidate, before = model.judge(run)
    assert before.champion_is is None
    model.crown(model.run("overtaking"))

    assert champion_of(evaluate(run, snapshot, candidate)).version == "1"


def test_a_champion_without_its_model_file_is_an_error(model: Model) -> None:
    model.crown(model.run())
    damage(folder_of_champion(model), remove=True)
    with pytest.raises(TrackingError, match=r"(?s)No such artifact: 'model\.skops'"):
        model.judge(model.run("second", model={**SOME_LOGISTIC, "seed": 1}))
