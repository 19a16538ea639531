"""Candidate and champion are scored on the same rows, from real snapshots, models and an MLflow on SQLite."""

from __future__ import annotations

import linecache
import math
import shutil
import sys
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

from perennial.data.ingest import ingest
from perennial.data.snapshots.read import read_snapshot
from perennial.data.snapshots.records import Snapshot
from perennial.data.split import split_by_time
from perennial.deployment import Deployment
from perennial.errors import BundleChanged, TrackingError
from perennial.evaluation.evaluate import evaluate
from perennial.evaluation.records import Evaluation
from perennial.layout import BUNDLE
from perennial.models.candidate import Candidate
from perennial.promotion.registry import promote, register
from perennial.promotion.verdict import decide
from perennial.registry.bundles import load_candidate
from perennial.registry.records import Champion
from perennial.registry.tracking import Tracker
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore
from perennial.store.sealed import read_record
from perennial.training.train import train

START = datetime(2024, 1, 1, tzinfo=UTC)
SOME_LOGISTIC = {"estimator": "sklearn.linear_model.LogisticRegression"}


def make_rows(hours: int = 600, **columns: Any) -> pd.DataFrame:
    """Rows an hour apart; `x` and `kind` tell `label` and `amount` most of the time."""
    random = np.random.default_rng(3)
    x, kind = random.normal(size=hours), random.choice(["a", "b"], hours)
    amount = x + (kind == "b") + random.normal(scale=0.7, size=hours)
    facts = {
        "at": pd.date_range(START, periods=hours, freq="h"),
        "x": x,
        "gap": random.normal(size=hours),
        "kind": kind,
        "label": (amount > 0.5).astype("int64"),
        "amount": amount,
    }
    return pd.DataFrame(facts | columns)


@dataclass
class Model:
    """One model in a store and a registry, retrained step by step."""

    folder: Path
    tracking_uri: str
    name: str = field(default_factory=lambda: f"late-{uuid.uuid4().hex[:8]}")

    def land(self, rows: pd.DataFrame) -> None:
        """Make these the source's rows."""
        source = self.folder / "data" / self.name
        source.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(source / "rows.parquet")

    def run(self, run_id: str = "first", *, as_of: datetime | None = None, **parts: Any) -> RetrainingRun:
        parts = {
            "task": "classification",
            "target": {"column": "label"},
            "features": {"numeric": ["x"], "categorical": ["kind"]},
            "model": SOME_LOGISTIC,
            "evaluation": {"holdout": {"rows": 150}, "primary": "roc_auc", "gates": {"minimum": {"roc_auc": 0.6}}},
        } | parts
        return RetrainingRun(
            spec=ModelSpec.model_validate(
                {
                    "name": self.name,
                    "source": {"uri": f"{self.name}/", "event_time": "at", "window": {"days": 90}},
                    **parts,
                }
            ),
            deployment=Deployment(
                store=LocalStore(self.folder / "store"), tracking_uri=self.tracking_uri, data_root=self.folder / "data"
            ),
            run_id=run_id,
            now=datetime(2026, 1, 1, tzinfo=UTC),
            as_of=as_of,
        )

    def crown(self, run: RetrainingRun) -> Candidate:
        """Retrain to the end, and expect a promotion."""
        _, candidate, evaluation = self.judge(run)
        verdict = decide(evaluation, run.spec, candidate)
        promote(run, register(run, candidate, evaluation, verdict), verdict)
        return candidate

    @staticmethod
    def judge(run: RetrainingRun) -> tuple[Snapshot, Candidate, Evaluation]:
        snapshot = ingest(run)
        candidate = train(run, snapshot)
        return snapshot, candidate, evaluate(run, snapshot, candidate)


@pytest.fixture(scope="module")
def tracking_uri(mlflow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    database = tmp_path_factory.mktemp("evaluate") / "mlflow.db"
    shutil.copyfile(mlflow_template, database)
    return f"sqlite:///{database}"


@pytest.fixture
def model(tracking_uri: str, tmp_path: Path) -> Model:
    made = Model(tmp_path, tracking_uri)
    made.land(make_rows())
    return made


def artifacts(tracking_uri: str, candidate: Candidate) -> set[str]:
    found = Tracker(tracking_uri).client.list_artifacts(candidate.mlflow_run_id, "evaluation")
    return {Path(item.path).name for item in found}


def holdout(run: RetrainingRun, snapshot: Snapshot) -> pd.DataFrame:
    return split_by_time(read_snapshot(run.store, snapshot), run.spec).holdout


def champion_of(evaluation: Evaluation) -> Champion:
    assert evaluation.champion_is is not None
    return evaluation.champion_is


def auc_of(run: RetrainingRun, mlflow_run_id: str, rows: pd.DataFrame) -> float:
    said = load_candidate(run, mlflow_run_id).predict(rows)
    assert said.probabilities is not None
    return float(roc_auc_score(rows["label"], said.probabilities[:, 1]))


def test_a_first_candidate_is_scored_on_the_rows_that_training_kept_out(model: Model) -> None:
    run = model.run()
    snapshot, candidate, evaluation = model.judge(run)

    assert evaluation.rows == candidate.split.holdout_rows == 150
    assert evaluation.classes == ("0", "1")
    assert (evaluation.champion, evaluation.champion_is, evaluation.notes) == (None, None, ())
    expected = auc_of(run, candidate.mlflow_run_id, holdout(run, snapshot))
    assert evaluation.candidate.metrics["roc_auc"] == pytest.approx(expected)
    assert expected > 0.7


def test_metrics_plots_and_document_are_kept(model: Model) -> None:
    run = model.run()
    _, candidate, evaluation = model.judge(run)

    logged = Tracker(model.tracking_uri).client.get_run(candidate.mlflow_run_id).data.metrics
    assert {f"holdout.{name}": value for name, value in evaluation.candidate.metrics.items()}.items() <= logged.items()
    assert not any(name.startswith("champion.") for name in logged)
    assert artifacts(model.tracking_uri, candidate) == {
        "roc.png", "precision_recall.png", "calibration.png", "confusion.png", "confusion.json", "evaluation.json",
    }  # fmt: skip
    assert read_record(run.store, run.prefix + "evaluation.json", Evaluation, "") == evaluation


def test_repeated_it_measures_the_same_and_logs_nothing_twice(model: Model) -> None:
    run = model.run()
    snapshot, candidate, evaluation = model.judge(run)
    before = run.store.read(run.prefix + "evaluation.json")

    assert evaluate(run, snapshot, candidate) == evaluation

    assert run.store.read(run.prefix + "evaluation.json") == before
    client = Tracker(model.tracking_uri).client
    assert all(
        len(client.get_metric_history(candidate.mlflow_run_id, f"holdout.{name}")) == 1
        for name in evaluation.candidate.metrics
    )


def test_the_champion_is_scored_on_the_same_rows(model: Model) -> None:
    first = model.crown(model.run())
    model.land(make_rows(900))
    run = model.run("second")

    snapshot, candidate, evaluation = model.judge(run)

    assert champion_of(evaluation).mlflow_run_id == first.mlflow_run_id
    assert evaluation.champion is not None
    rows = holdout(run, snapshot)
    assert evaluation.champion.metrics["roc_auc"] == pytest.approx(auc_of(run, first.mlflow_run_id, rows))
    assert evaluation.notes == ()
    logged = Tracker(model.tracking_uri).client.get_run(candidate.mlflow_run_id).data.metrics
    assert logged["champion.roc_auc"] == evaluation.champion.metrics["roc_auc"]


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


def damage(tracking_uri: str, candidate: Candidate, *, remove: bool = False) -> None:
    file = folder_of(tracking_uri, candidate) / "model.skops"
    file.write_bytes(b"half of a file")
    if remove:
        file.unlink()


def test_a_champion_whose_file_was_changed_is_refused_by_name_with_what_to_do(model: Model) -> None:
    damage(model.tracking_uri, model.crown(model.run()))
    run = model.run("second", model={**SOME_LOGISTIC, "seed": 1})
    said = r"champion v1: its file model\.skops .* is not the one that was trained.* move the alias 'champion'"
    with pytest.raises(BundleChanged, match=said):
        model.judge(run)
    assert not run.store.exists(run.prefix + "evaluation.json")


def test_a_changed_candidate_is_refused(model: Model) -> None:
    run = model.run()
    snapshot, candidate, _ = model.judge(run)
    damage(model.tracking_uri, candidate)
    with pytest.raises(BundleChanged, match=r"the candidate: its file model\.skops"):
        evaluate(run, snapshot, candidate)


def test_a_file_that_was_replaced_by_another_sound_model_is_refused(model: Model) -> None:
    first, second = model.crown(model.run()), model.judge(model.run("other", features={"numeric": ["x"]}))[1]
    source, target = (folder_of(model.tracking_uri, candidate) for candidate in (second, first))
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
    assert "it says what champion v1 says of all 150 held-out rows" in verdict.sentence


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
        f"the source of {module.stem}:doubled has changed since champion v1 was trained with it, so it may not answer as it did",
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
    run.store.delete(BUNDLE.key(model.name, first.mlflow_run_id))

    _, candidate, evaluation = model.judge(run)

    assert evaluation.champion is None
    assert evaluation.notes == ("champion v1 reads columns that the snapshot lacks: kind",)
    again = model.run("third", model={**SOME_LOGISTIC, "seed": 1})
    _, _, evaluation = model.judge(again)
    assert evaluation.champion is not None
    assert evaluation.notes[0] == "champion v1 was not trained by Perennial with this store"
    assert candidate.provenance.snapshot_digest


def test_a_promoted_candidate_keeps_the_evaluation_that_it_was_promoted_for(model: Model) -> None:
    model.crown(model.run())
    model.land(make_rows(900))
    second = model.run("second", evaluation={"holdout": {"rows": 150}, "primary": "roc_auc", "gates": {"tolerance": 1}})
    snapshot, candidate, before = model.judge(second)
    model.crown(second)

    again = evaluate(second, snapshot, candidate)

    assert again == before
    assert champion_of(again).version == "1"


def test_another_champion_meanwhile_is_judged_against(model: Model) -> None:
    run = model.run("waiting", features={"numeric": ["x"]})
    snapshot, candidate, before = model.judge(run)
    assert before.champion_is is None
    model.crown(model.run("overtaking"))

    assert champion_of(evaluate(run, snapshot, candidate)).version == "1"


def test_the_holdout_is_that_of_the_training_whatever_the_spec_says_now(model: Model) -> None:
    run = model.run()
    snapshot, candidate, evaluation = model.judge(run)
    changed = model.run(evaluation={"holdout": {"rows": 300}, "primary": "roc_auc"})
    again = evaluate(replace(run, spec=changed.spec), snapshot, candidate)
    assert (again.rows, again.candidate) == (evaluation.rows, evaluation.candidate) == (150, evaluation.candidate)


def test_one_label_in_the_holdout_is_rejected_with_the_reason(model: Model) -> None:
    label = make_rows()["label"].to_numpy(copy=True)
    label[-200:] = 0
    model.land(make_rows(label=label))
    run = model.run()

    _, candidate, evaluation = model.judge(run)

    assert math.isnan(evaluation.candidate.metrics["roc_auc"])
    verdict = decide(evaluation, run.spec, candidate)
    assert verdict.outcome == "reject"
    assert "every row of the holdout has the label '0'" in verdict.sentence


def test_text_labels_are_scored_by_the_positive_one(model: Model) -> None:
    rows = make_rows()
    model.land(rows.assign(label=np.where(rows["label"] == 1, "late", "on time")))
    run = model.run(target={"column": "label", "positive": "late"})

    snapshot, candidate, evaluation = model.judge(run)

    assert evaluation.classes == ("late", "on time")
    held_out = holdout(run, snapshot)
    loaded = load_candidate(run, candidate.mlflow_run_id)
    guess = loaded.predict(held_out).values
    assert evaluation.candidate.metrics["accuracy"] == pytest.approx(accuracy_score(held_out["label"], guess))
    assert evaluation.candidate.metrics["roc_auc"] > 0.7


@pytest.mark.parametrize("missing", [False, True])
def test_a_regression_is_scored_by_its_own_metrics(model: Model, missing: bool) -> None:
    if missing:
        model.land(make_rows(amount=make_rows()["amount"].where(make_rows().index % 7 != 0)))
    run = model.run(
        task="regression",
        target={"column": "amount"},
        model={"estimator": "sklearn.linear_model.Ridge"},
        evaluation={"holdout": {"rows": 150}, "primary": "r2"},
    )

    snapshot, candidate, evaluation = model.judge(run)

    held_out = holdout(run, snapshot)
    loaded = load_candidate(run, candidate.mlflow_run_id)
    expected = r2_score(held_out["amount"], loaded.predict(held_out).values)
    assert evaluation.candidate.metrics["r2"] == pytest.approx(expected)
    assert evaluation.classes == ()
    assert artifacts(model.tracking_uri, candidate) == {
        "predicted_against_actual.png", "residuals.png", "evaluation.json",
    }  # fmt: skip


def test_a_champion_without_its_model_file_is_an_error(model: Model) -> None:
    damage(model.tracking_uri, model.crown(model.run()), remove=True)
    with pytest.raises(TrackingError, match=r"(?s)No such artifact: 'model\.skops'"):
        model.judge(model.run("second", model={**SOME_LOGISTIC, "seed": 1}))
