"""A model with thresholds by group, from the rows to the package that serves."""

from __future__ import annotations

import zipfile

import mlflow.pyfunc
import pytest

from perennial.errors import PackageError
from perennial.models.bundle import read_bundle
from perennial.models.recorded import find_refit
from perennial.packages.onnx_file import build_onnx
from perennial.packages.runtime.packaged import read_packaged
from perennial.packages.wheel import build_wheel
from perennial.registry.bundles import fetch, load_candidate
from perennial.registry.tracking import Tracker
from perennial.rehearsal.compare import differences
from perennial.training.refit import refit
from perennial.training.train import train
from tests.unit.training.mitigation.two_groups import grouped_rows
from tests.verdicts import judged

MITIGATED = {"mitigation": {"column": "sex", "method": "threshold", "constraint": "demographic_parity"}}


def test_judged_refit_logged_and_packaged_it_decides_by_group(make_spec, prepare, tmp_path):
    spec = make_spec(model=MITIGATED, cross_validation={"kind": "kfold", "folds": 2})
    rows = grouped_rows()
    run, snapshot = prepare(spec, rows)
    candidate = train(run, snapshot)
    refit(run, snapshot, candidate, judged("promote", "Better."))
    recorded = find_refit(run.store, "late", candidate.mlflow_run_id)
    folder = tmp_path / "bundle"
    folder.mkdir()
    fetch(Tracker(run.tracking_uri), recorded.model_uri, recorded, folder)
    bundle = read_bundle(folder, recorded, "the refit")

    manifest = bundle.manifest
    assert manifest.inputs == {"x": "double", "gap": "double", "kind": "string", "sex": "string"}
    assert [feature.name for feature in manifest.features] == ["x", "gap", "kind"]
    assert (manifest.format, manifest.threshold) == ("grouped", None)
    own, judged_by = bundle.model.pipeline[-1].thresholds, bundle.twin.pipeline[-1].thresholds
    assert (manifest.thresholds.column, manifest.thresholds.at) == ("sex", own.at)
    assert own.at != judged_by.at
    assert load_candidate(run, candidate.mlflow_run_id).manifest.thresholds.at == judged_by.at

    said = bundle.predict(rows)
    location = Tracker(run.tracking_uri).client.get_logged_model(recorded.model_uri.removeprefix("models:/"))
    loaded = mlflow.pyfunc.load_model(location.artifact_location)
    assert loaded.predict(rows[list(manifest.inputs)]).tolist() == said.values.tolist()

    wheel = build_wheel(folder, manifest, name="late-orders", description="", scratch=tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        (metadata,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        assert "fairlearn" not in archive.read(metadata).decode()
    packaged = read_packaged(tmp_path / "site" / "late_orders" / "bundle")
    apart = differences(said, packaged.predict(rows), 0)
    assert (apart.each.max(), apart.labels_changed) == (0, 0)

    with pytest.raises(PackageError, match="a threshold for each group of 'sex'"):
        build_onnx(folder, manifest, name="late-orders", scratch=tmp_path)
