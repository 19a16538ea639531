from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from perennial.ensemble import pyfunc
from perennial.ensemble.composition import ensemble_manifest
from perennial.ensemble.files import member_folder, read_ensemble
from perennial.ensemble.model import EnsembleModel
from perennial.errors import BundleChanged, TrainingError
from perennial.models.bundle import MANIFEST, write_manifest
from perennial.models.contract import ModelContract, example_rows
from perennial.models.formats.skops_format import SkopsFormat
from perennial.models.manifest import MeanLoss, Member
from perennial.models.model import Model
from perennial.models.predictions import identical
from perennial.models.recorded import RecordedBundle
from tests.candidates import bundle_manifest
from tests.unit.ensemble.test_model import together

NAMES = {"old": "sklearn.linear_model.LogisticRegression", "new": "sklearn.tree.DecisionTreeClassifier"}
LOSS = MeanLoss(rows=1, mean=0.1, standard_error=0.1)


def written(model: EnsembleModel, folder: Path) -> RecordedBundle:
    """Write a bundle of bundles, and what the store would have recorded of it."""
    kept, members = SkopsFormat(), []
    for name, one in model.members.items():
        place = folder / member_folder(name)
        place.mkdir(parents=True)
        types = kept.write(one, place / kept.file)
        alone = bundle_manifest(types=types, files={kept.file: ""}, inputs=dict.fromkeys(one.inputs, "double"))
        manifest, _ = write_manifest(place, alone)
        members.append(Member(mlflow_run_id=name, weight=model.weights[name], manifest=manifest))
    manifest, digest = write_manifest(folder, ensemble_manifest(members, {}, LOSS))
    return RecordedBundle(mlflow_run_id="new", model_uri="models:/m-1", digest=digest, manifest=manifest)


class TestSeveralModelsInFiles(ModelContract):
    def classifier(self, frame: pd.DataFrame, labels: Any) -> Model:
        return together("classification", frame, labels)

    def regressor(self, frame: pd.DataFrame, values: Any) -> Model:
        return together("regression", frame, values)

    def round_trip(self, model: Model, folder: Path) -> Model:
        assert isinstance(model, EnsembleModel)
        place = folder / str(len(list(folder.iterdir())))
        return read_ensemble(place, written(model, place), "champion v3").model


@dataclass(frozen=True)
class Kept:
    model: EnsembleModel
    folder: Path
    recorded: RecordedBundle
    rows: pd.DataFrame

    def file(self, name: str) -> Path:
        return self.folder / member_folder(name) / SkopsFormat.file


@pytest.fixture
def kept(tmp_path):
    rows = example_rows()
    inputs = rows[["x", "gap", "kind"]]
    both = together("classification", inputs, rows["label"].to_numpy())
    model = EnsembleModel({short: both.members[path] for short, path in NAMES.items()}, {"old": 0.3, "new": 0.7})
    return Kept(model, tmp_path / "bundle", written(model, tmp_path / "bundle"), inputs)


def test_the_weights_of_now_take_the_place_of_those_of_the_promotion(kept):
    bundle = read_ensemble(kept.folder, kept.recorded, "champion v3", {"old": 1.0, "new": 0.0})
    assert bundle.left_out == ()
    assert bundle.model.weights == {"old": 1.0, "new": 0.0}
    assert identical(bundle.predict(kept.rows), kept.model.members["old"].predict(kept.rows))
    assert identical(bundle.twin.predict(kept.rows), bundle.predict(kept.rows))


@pytest.mark.parametrize("damage", [b"not a model", b"", None])
def test_a_damaged_member_is_left_out_and_said_and_the_others_serve(kept, damage):
    kept.file("new").unlink() if damage is None else kept.file("new").write_bytes(damage)
    bundle = read_ensemble(kept.folder, kept.recorded, "champion v3")
    assert bundle.model.weights == {"old": 1.0}
    assert len(bundle.left_out) == 1
    assert "a member of champion v3 is left out, and the others serve" in bundle.left_out[0]
    assert "model.skops" in bundle.left_out[0]
    assert identical(bundle.predict(kept.rows), kept.model.members["old"].predict(kept.rows))


def test_those_that_are_left_share_the_weight_even_if_they_had_none(kept):
    kept.file("new").write_bytes(b"")
    bundle = read_ensemble(kept.folder, kept.recorded, "champion v3", {"old": 0.0, "new": 1.0})
    assert bundle.model.weights == {"old": 1.0}


def test_where_no_member_can_be_read_nothing_serves(kept):
    for name in NAMES:
        kept.file(name).write_bytes(b"")
    with pytest.raises(TrainingError, match="no member of champion v3 can be read"):
        read_ensemble(kept.folder, kept.recorded, "champion v3")


def test_a_file_that_another_manifest_vouches_for_is_not_read(kept):
    kept.file("new").write_bytes(kept.file("old").read_bytes())
    changed, _ = write_manifest(kept.folder, kept.recorded.manifest)
    assert changed.files != kept.recorded.manifest.files
    with pytest.raises(BundleChanged, match=MANIFEST):
        read_ensemble(kept.folder, kept.recorded, "champion v3")


def test_a_member_with_types_that_its_record_does_not_name_is_left_out(kept):
    members = tuple(
        one.model_copy(update={"manifest": one.manifest.model_copy(update={"types": ()})})
        for one in kept.recorded.manifest.members
    )
    manifest, digest = write_manifest(kept.folder, kept.recorded.manifest.model_copy(update={"members": members}))
    recorded = kept.recorded.model_copy(update={"manifest": manifest, "digest": digest})
    with pytest.raises(TrainingError, match="types that are not allowed"):
        read_ensemble(kept.folder, recorded, "champion v3")


def test_mlflow_serves_the_weights_of_the_promotion_and_leaves_out_what_is_damaged(kept):
    served = pyfunc._load_pyfunc(str(kept.folder))
    assert served.predict(kept.rows).tolist() == kept.model.predict(kept.rows).values.tolist()
    kept.file("old").write_bytes(b"")
    alone = pyfunc._load_pyfunc(str(kept.folder))
    assert alone.predict(kept.rows).tolist() == kept.model.members["new"].predict(kept.rows).values.tolist()
