"""The table of stages says what is so: of each function, of the order, and of what importing the table costs."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from perennial.deployment import Deployment
from perennial.ensemble.records import JudgedEnsemble
from perennial.evaluation.records import Evaluation, Scores
from perennial.models.manifest import MeanLoss
from perennial.promotion.records import RegisteredVersion
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.stages import STAGES, Stage, maker
from perennial.store import LocalStore
from tests.verdicts import judged

EVERY = [pytest.param(stage, id=stage.name) for stage in STAGES.values()]
VERDICT = judged()
REJECTED = judged("reject", "roc_auc 0.5 is below 0.6.")
REGISTERED = RegisteredVersion(name="late", version="2", alias=None)
SPEC = {
    "name": "late",
    "task": "classification",
    "source": {"uri": "flights/", "event_time": "at", "window": {"days": 60}},
    "target": {"column": "late"},
    "features": {"numeric": ["distance"]},
    "model": {"estimator": "a.B"},
    "evaluation": {"holdout": {"days": 7}, "primary": "roc_auc"},
}


@pytest.fixture
def run(tmp_path):
    return RetrainingRun(
        spec=ModelSpec.model_validate(SPEC),
        deployment=Deployment(store=LocalStore(tmp_path), tracking_uri="", data_root=Path()),
        run_id="run-1",
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )


def function_of(stage: Stage):
    return getattr(importlib.import_module(stage.module), stage.function.partition(":")[2])


@pytest.mark.parametrize("stage", EVERY)
def test_a_function_takes_and_returns_what_the_table_says(stage):
    signature = inspect.signature(function_of(stage))
    assert tuple(signature.parameters) == ("run", *stage.takes)
    classes = [signature.parameters[name].annotation for name in stage.takes]
    # What a skipped stage did not make is None.
    assert [name.removesuffix(" | None") for name in classes] == [maker(name).returns.__name__ for name in stage.takes]
    assert signature.return_annotation == stage.returns.__name__


@pytest.mark.parametrize("stage", EVERY)
def test_a_stage_takes_what_was_made_before_it(stage):
    order = list(STAGES.values())
    made = [earlier.makes for earlier in order[: order.index(stage)]]
    assert set(stage.takes) <= set(made)
    # A record is made once, and may be added to by a stage that takes it.
    assert stage.makes not in made or stage.makes in stage.takes


@pytest.mark.parametrize("stage", EVERY)
def test_a_stage_that_owns_the_run_holds_its_lease_and_no_other_does(stage, run, monkeypatch):
    given = []
    monkeypatch.setattr(stage.function.replace(":", "."), lambda *arguments: given.append(arguments))
    stage(run, *stage.takes)
    assert given[0][1:] == stage.takes
    assert (given[0][0].lease is not None) == stage.owns_run


def test_what_a_run_decided_is_the_verdict_of_its_last_stage_that_adds_to_it():
    assert maker("verdict").name == "rehearse"
    assert maker("verdict", ("decide", "register")).name == "decide"


@pytest.mark.parametrize(
    ("dry_run", "registered", "verdict", "why_not"),
    [
        (False, REGISTERED, VERDICT, ""),
        (False, REGISTERED, REJECTED, "roc_auc 0.5 is below 0.6."),
        (False, None, VERDICT, "Nothing was registered, so there is nothing to promote"),
        (True, None, VERDICT, "Dry run: nothing is promoted. The verdict was: All gates passed."),
    ],
)
def test_only_what_was_registered_and_not_rejected_is_promoted(run, dry_run, registered, verdict, why_not):
    run = replace(run, dry_run=dry_run)
    assert STAGES["promote"].why_not(run, registered, verdict) == why_not


def test_only_what_is_promoted_is_refit_and_only_where_the_spec_asks_for_it(run):
    refit = STAGES["refit"]
    assert refit.why_not(run, None, None, VERDICT) == ""
    assert refit.why_not(run, None, None, REJECTED) == "roc_auc 0.5 is below 0.6."
    assert "nothing is refit. The verdict was: All gates" in refit.why_not(
        replace(run, dry_run=True), None, None, VERDICT
    )
    off = ModelSpec.model_validate(SPEC | {"model": {"estimator": "a.B", "refit": False}})
    assert refit.why_not(replace(run, spec=off), None, None, VERDICT).startswith("model.refit is off")


def test_several_are_put_together_only_where_the_candidate_was_judged_together_with_others_and_is_promoted(run):
    assemble = STAGES["assemble"]
    scores = Scores(metrics={})
    alone = Evaluation(mlflow_run_id="run", rows=1, candidate=scores)
    loss = MeanLoss(rows=1, mean=0.1, standard_error=0.1)
    together = alone.model_copy(update={"ensemble": JudgedEnsemble(members=(), loss=loss)})
    assert assemble.why_not(run, None, together, VERDICT, None) == ""
    assert assemble.why_not(run, None, together, REJECTED, None) == "roc_auc 0.5 is below 0.6."
    dry_run = replace(run, dry_run=True)
    assert "nothing is put together. The verdict was: All" in assemble.why_not(dry_run, None, together, VERDICT, None)
    assert assemble.why_not(run, None, alone, VERDICT, None).startswith("model.ensemble is not set")
    asked = ModelSpec.model_validate(SPEC | {"model": {"estimator": "a.B", "ensemble": {"members": 3}}})
    assert "no other model" in assemble.why_not(replace(run, spec=asked), None, alone, VERDICT, None)


def test_a_dry_run_registers_nothing_and_says_what_the_verdict_was(run):
    register = STAGES["register"]
    assert register.why_not(run, None, None, REJECTED, None, None) == ""
    run = replace(run, dry_run=True)
    assert "The verdict was: roc_auc 0.5 is below 0.6." in register.why_not(run, None, None, REJECTED, None, None)


def test_importing_the_table_loads_no_library_of_the_stages():
    code = """
import sys
import perennial.stages
heavy = ("pandas", "numpy", "scipy", "sklearn", "mlflow", "great_expectations", "boto3", "pyarrow", "airflow")
print("loaded:", [name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "loaded: []" in done.stdout


def test_the_documentation_has_a_line_for_each_stage_in_order():
    text = (Path(__file__).parents[2] / "docs" / "retraining.md").read_text()
    lines = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    names = list(STAGES)
    assert lines[: len(names)] == names
    assert lines[len(names) : 2 * len(names)] == names
