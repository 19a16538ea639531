"""What serves is what is packaged, run in a clean process, and judged, before it is promoted."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from perennial.deployment import Deployment
from perennial.errors import TrainingError
from perennial.layout import PACKAGE, REHEARSAL
from perennial.packages.kept import find_packages
from perennial.packages.package import package
from perennial.registry.tracking import Tracker
from perennial.rehearsal.records import Rehearsal
from perennial.rehearsal.rehearse import rehearse
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.stages import STAGES, stages_of
from perennial.store.damage import Damaged
from perennial.store.local import LocalStore
from perennial.store.sealed import unseal
from perennial.training.refit import refit
from perennial.training.train import train
from tests.verdicts import judged

PROMOTED = judged("promote", "Better.")


@pytest.fixture
def served(make_spec, rows, prepare):
    """A candidate that was refit, and the run with a spec that asks for a wheel."""
    run, snapshot = prepare(make_spec("sklearn.linear_model.LogisticRegression", packages=["wheel"]), rows)
    candidate = train(run, snapshot)
    return run, snapshot, candidate, refit(run, snapshot, candidate, PROMOTED)


def asking(run, **fields):
    content = run.spec.model_dump(exclude_unset=True) | fields
    return replace(run, spec=ModelSpec.model_validate(content))


def artifacts(run, candidate):
    client = Tracker(run.tracking_uri).client
    return sorted(item.path for item in client.list_artifacts(candidate.mlflow_run_id, "packages"))


def test_the_refit_that_would_serve_is_packaged_and_rehearsed_on_the_holdout(served):
    run, snapshot, candidate, refitted = served
    packages = package(run, candidate, PROMOTED, refitted, None)
    (wheel,) = packages.made
    assert packages.bundle_digest == refitted.bundle_digest != candidate.bundle_digest
    stored = run.store.read(PACKAGE.key("late", wheel.digest, wheel.file))
    assert hashlib.sha256(stored).hexdigest() == wheel.digest
    assert artifacts(run, candidate) == []

    verdict = rehearse(run, snapshot, packages, PROMOTED)

    assert verdict.promotes
    assert [blessing.name for blessing in verdict.blessings] == ["metrics", "rehearsal"]
    found = Rehearsal.model_validate_json(unseal(run.store.read(run.prefix + REHEARSAL.name)))
    (one,) = found.packages
    assert (one.rows, one.difference, one.labels_changed) == (candidate.split.holdout_rows, 0.0, 0)
    assert one.one.p50 <= one.one.p95 <= one.one.p99
    assert one.memory_mb > 50
    assert one.load_s > 0
    assert artifacts(run, candidate) == [f"packages/{wheel.file}", "packages/rehearsal.json"]
    # Repeated, nothing is built again.
    assert package(run, candidate, PROMOTED, refitted, None) == packages
    # A package that was changed since is not run.
    run.store.write(PACKAGE.key("late", wheel.digest, wheel.file), b"changed")
    with pytest.raises(Damaged, match=r"is damaged.*champion serves without it"):
        rehearse(run, snapshot, packages, PROMOTED)


def test_one_that_cannot_be_made_keeps_all_others_back_and_refuses_the_promotion(served, monkeypatch):
    run, snapshot, candidate, _ = served
    run = asking(run, packages=["wheel", "container"])
    # No file of requirements: the container cannot be made.
    monkeypatch.setenv("PERENNIAL_REQUIREMENTS", "/nowhere")
    packages = package(run, candidate, PROMOTED, None, None)

    assert packages.made == ()
    assert "no hashes" in packages.failed["container"]
    assert find_packages(run.store, "late", candidate.bundle_digest) is None
    assert not list(run.store.list("late/packages/"))
    verdict = rehearse(run, snapshot, packages, PROMOTED)
    assert not verdict.promotes
    assert verdict.sentence.startswith("Rejected: container: there are no hashes of")
    assert artifacts(run, candidate) == []


def test_without_packages_the_verdict_stays_as_it_is(make_spec, tmp_path):
    run = RetrainingRun(
        spec=make_spec(packages=["wheel"]),
        deployment=Deployment(store=LocalStore(tmp_path), tracking_uri="", data_root=tmp_path),
        run_id="manual__1",
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    rejected, why_not = judged("reject", "Worse."), STAGES["package"].why_not
    assert rehearse(run, None, None, rejected) == rejected
    assert why_not(run, None, PROMOTED, None, None) == ""
    assert why_not(run, None, rejected, None, None) == "Worse."
    assert "nothing is packaged" in why_not(replace(run, dry_run=True), None, PROMOTED, None, None)
    unasked = replace(run, spec=make_spec())
    assert why_not(unasked, None, PROMOTED, None, None) == STAGES["rehearse"].why_not(unasked, None, None, PROMOTED)
    assert set(stages_of(run.spec)) - set(stages_of(unasked.spec)) == {"package", "rehearse"}
    with pytest.raises(TrainingError, match="only promoted ones are packaged"):
        package(run, None, rejected, None, None)
