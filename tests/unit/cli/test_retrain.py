from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from rich.console import Console

from perennial.answer import Answer
from perennial.cli.retrain import retrain, run_id
from perennial.data.snapshots.records import Snapshot
from perennial.deployment import Deployment
from perennial.errors import ValidationFailed
from perennial.evaluation.records import Evaluation, Scores
from perennial.models.manifest import FittedRows
from perennial.models.refit import Refit
from perennial.promotion.records import GateResult, Promotion, RegisteredVersion
from perennial.registry.records import Champion
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.stages import STAGES
from perennial.store import LocalStore
from perennial.validation.records import Validation
from tests.candidates import candidate, provenance, split_plan
from tests.verdicts import judged

DAY = datetime(2013, 3, 1, tzinfo=UTC)
SPEC = {
    "name": "late",
    "task": "classification",
    "source": {"uri": "flights/", "event_time": "at", "window": {"days": 60}},
    "target": {"column": "late"},
    "features": {"numeric": ["distance"]},
    "model": {"estimator": "a.B", "params": {"x": 1, "y": 2}},
    "evaluation": {"holdout": {"days": 7}, "primary": "roc_auc"},
}
CHAMPION = Champion(version="1", mlflow_run_id="r", bundle_digest="b", snapshot_digest="s", train_end=DAY)


def make_run(tmp_path, tracking_uri="", **arguments):
    return RetrainingRun(
        spec=ModelSpec.model_validate(SPEC),
        deployment=Deployment(store=LocalStore(tmp_path / "store"), tracking_uri=tracking_uri, data_root=Path()),
        run_id="cli-1",
        now=datetime(2026, 1, 1, tzinfo=UTC),
        **arguments,
    )


@pytest.fixture
def called(monkeypatch):
    """Stages that note that they were called and answer at once."""
    answers = {
        "ingest": Snapshot(
            model="late",
            digest="abcdef0123456789" * 4,
            rows=1234,
            start=DAY - timedelta(days=60),
            end=DAY,
            window_start=None,
            as_of=DAY,
            schema_={},
            size_bytes=1,
            rows_read=1234,
            exact_duplicates=2,
            key_duplicates=1,
        ),
        "validate": Validation(passed=True, expectations=3, failed=(), data_docs_key="d"),
        "train": candidate(mlflow_run_id="f00d" * 8, split=split_plan(train_rows=1000, holdout_rows=234)),
        "evaluate": Evaluation(
            mlflow_run_id="f00d" * 8,
            rows=234,
            candidate=Scores(metrics={"roc_auc": 0.75}),
            champion=Scores(metrics={"roc_auc": 0.7}),
            champion_is=CHAMPION,
        ),
        "decide": judged(
            "promote",
            "Fit to promote: [everything] passed.",
            gates=(
                GateResult(name="rows", passed=True, sentence="", value=234, threshold=100),
                GateResult(name="champion", passed=True, sentence="", value=0.75, threshold=0.69),
                GateResult(name="minimum f1", passed=False, sentence="", value=float("nan"), threshold=0.5),
            ),
            champion_version="1",
        ),
        "refit": Refit(
            model_uri="models:/m-2",
            bundle_digest="b",
            provenance=provenance(),
            served=FittedRows(rows=1234, train_start=DAY - timedelta(days=60), train_end=DAY),
            discarded=False,
            sentence="Refit.",
        ),
        "register": RegisteredVersion(name="late", version="2", alias=None),
        "promote": Promotion(name="late", version="2", previous_version="1"),
    }
    names, run_ids = [], {}

    def stage(name):
        def answer(*arguments):
            names.append(name)
            run_ids[name] = arguments[0].run_id
            return answers[name]

        return answer

    for name in answers:
        monkeypatch.setattr(STAGES[name].function.replace(":", "."), stage(name))
    return names, answers, run_ids


def shown(run):
    output = io.StringIO()
    verdict = retrain(run, Console(file=output, width=120))
    return verdict, output.getvalue()


def test_a_promotion_goes_through_all_stages_with_a_line_for_each(called, tmp_path):
    verdict, text = shown(make_run(tmp_path))
    assert called[0] == ["ingest", "validate", "train", "evaluate", "decide", "refit", "register", "promote"]
    assert verdict.outcome == "promote"
    lines = [line.split() for line in text.splitlines()]
    assert [line[1] for line in lines if line[:1] == ["✓"]] == called[0]
    for part in [
        "1,234 rows",
        "3 duplicates left out",
        "snapshot abcdef012345",
        "3 of 3 expectations hold",
        "roc_auc 0.7500, champion 0.7000",
        f"1,234 rows, up to {DAY:%Y-%m-%d}",
    ]:
        assert part in text
    assert "late v2 is champion in place of v1" in text
    assert "Fit to promote: [everything] passed." in text


def test_the_gates_are_shown_beside_the_champion(called, tmp_path):
    _, text = shown(make_run(tmp_path))
    rows = {
        line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[2:6]]
        for line in text.splitlines()
        if "│" in line
    }
    assert rows["champion"] == ["0.7500", "0.7000", "0.6900", "yes"]
    assert rows["rows"] == ["234", "-", "100", "yes"]
    assert rows["minimum f1"] == ["nan", "-", "0.5000", "no"]


def test_the_models_of_several_windows_are_shown_beside_each_other(called, tmp_path):
    answers = called[1]
    other = candidate(split=split_plan(train_rows=5000))
    answers["train"] = answers["train"].model_copy(update={"others": (other,)})
    discarded = answers["refit"].model_copy(update={"discarded": True})
    answers["refit"] = answers["refit"].model_copy(update={"others": (discarded,)})
    _, text = shown(make_run(tmp_path))
    assert "5,000 and 1,000 rows, 234 held out" in text
    assert f"discarded and 1,234 rows, up to {DAY:%Y-%m-%d}" in text


def test_a_rejected_candidate_is_registered_and_not_promoted(called, tmp_path):
    names, answers, _ = called
    answers["decide"] = judged("reject", "Rejected: worse.")
    verdict, text = shown(make_run(tmp_path))
    assert verdict.outcome == "reject"
    assert names[-2:] == ["decide", "register"]
    assert "Rejected: worse." in text


def test_a_dry_run_registers_nothing_and_says_so(called, tmp_path):
    _, text = shown(make_run(tmp_path, dry_run=True))
    assert called[0][-1] == "decide"
    assert "nothing was registered" in text


def test_reports_belong_to_the_command_and_its_rows(called, tmp_path):
    _, answers, run_ids = called
    shown(make_run(tmp_path))
    assert run_ids.pop("ingest") == "cli-1"
    assert set(run_ids.values()) == {"cli-1-abcdef012345"}
    answers["ingest"] = answers["ingest"].model_copy(update={"digest": "0" * 64})
    shown(make_run(tmp_path))
    assert run_ids["decide"] == "cli-1-000000000000"


def test_reports_of_a_decision_stay_under_its_id(called, tmp_path):
    retrain(make_run(tmp_path), Console(file=io.StringIO()), keep_run_id=True)
    assert set(called[2].values()) == {"cli-1"}


def test_a_failed_stage_is_marked_and_its_error_goes_on(called, tmp_path, monkeypatch):
    def fail(*arguments):
        raise ValidationFailed("two rows are wrong")

    monkeypatch.setattr(STAGES["validate"].function.replace(":", "."), fail)
    output = io.StringIO()
    with pytest.raises(ValidationFailed, match="two rows are wrong"):
        retrain(make_run(tmp_path), Console(file=output, width=120))
    marks = [line.split()[:2] for line in output.getvalue().splitlines()]
    assert ["✓", "ingest"] in marks
    assert ["✗", "validate"] in marks
    assert called[0] == ["ingest"]


def test_the_same_command_has_the_same_run_id():
    spec = ModelSpec.model_validate(SPEC)
    same = ModelSpec.model_validate({**SPEC, "model": {"params": {"y": 2, "x": 1}, "estimator": "a.B"}})
    elsewhere = DAY.astimezone(timezone(timedelta(hours=2)))
    assert run_id(spec, "s", DAY, 30.0) == run_id(same, "s", elsewhere, 30.0)
    assert run_id(spec.model_copy(update={"owner": "someone else"}), "s", DAY, 30.0) == run_id(spec, "s", DAY, 30.0)
    others = {
        run_id(spec, "s", DAY, 30.0),
        run_id(spec, "t", DAY, 30.0),
        run_id(spec, "s", None, 30.0),
        run_id(spec, "s", DAY, None),
        run_id(ModelSpec.model_validate({**SPEC, "model": {"estimator": "a.C"}}), "s", DAY, 30.0),
    }
    assert len(others) == 5


class Asked:
    """Someone at the terminal who answers, or nobody."""

    def __init__(self, answer):
        self.answer, self.about = answer, None

    def __call__(self, registered, verdict):
        self.about = registered, verdict
        return self.answer


@pytest.mark.parametrize(
    ("approved", "promoted", "consequence"), [(None, False, "ask"), (False, False, "reject"), (True, True, "promote")]
)
def test_a_person_is_asked_before_the_promotion(
    called, tmp_path, mlflow_uri, monkeypatch, approved, promoted, consequence
):
    names, answers, _ = called
    answers["decide"] = judged("promote", "All gates passed.", consequence="ask")
    monkeypatch.setattr(
        STAGES["approve"].function.replace(":", "."), lambda run, _, verdict: verdict.answered(run.answer)
    )
    answer = None if approved is None else Answer(approved=approved, by="alice", at=DAY, reason="So be it.")
    asked, output = Asked(answer), io.StringIO()
    verdict = retrain(make_run(tmp_path, mlflow_uri), Console(file=output, width=120), ask=asked)
    assert asked.about == (answers["register"], answers["decide"])
    assert ("promote" in names, verdict.consequence) == (promoted, consequence)
    said = "repeat the command with --approve" if approved is None else "by alice on 2013-03-01 00:00 UTC: So be it."
    assert said in output.getvalue()
