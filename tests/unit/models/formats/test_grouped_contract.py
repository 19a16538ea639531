from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from perennial.errors import TrainingError
from perennial.models.by_group import GroupThresholdClassifier, GroupThresholds
from perennial.models.contract import example_rows
from perennial.models.formats.formats import format_of
from perennial.models.formats.grouped_format import GroupedFormat
from perennial.models.formats.skops_format import SkopsModel
from tests.unit.models.formats.test_boosted_contract import QUICK
from tests.unit.models.formats.test_skops_contract import PipelineContract, fitted

LOGISTIC = "sklearn.linear_model.LogisticRegression"
AT = {"a": 0.2, "b": 0.9, "missing": 0.5}


def by_group(model, column="kind"):
    """Return a model of the labels 0 and 1 with thresholds by group."""
    thresholds = GroupThresholds(column, 1, AT, otherwise=0.4)
    decided = GroupThresholdClassifier.around(model.pipeline[-1], thresholds)
    return SkopsModel(Pipeline([*model.pipeline.steps[:-1], ("estimator", decided)]))


@pytest.fixture(scope="module")
def plain():
    rows = example_rows()
    return fitted(LOGISTIC, "classification", rows[["x", "gap", "kind"]], rows["label"].to_numpy())


class GroupedContract(PipelineContract):
    format = GroupedFormat()
    # Thresholds are for two labels.
    kinds = ("two labels",)
    test_a_number_has_neither_labels_nor_probabilities = None

    def classifier(self, frame, labels):
        return by_group(super().classifier(frame, labels))


class TestLinear(GroupedContract):
    estimators = (LOGISTIC, "")


class TestLightGBM(GroupedContract):
    estimators = ("lightgbm.LGBMClassifier", "")
    params = QUICK


def test_each_row_has_the_threshold_of_its_group_after_it_was_read_too(plain, tmp_path):
    model, kept = by_group(plain, column="shop"), GroupedFormat()
    read = kept.read(tmp_path / kept.file, kept.write(model, tmp_path / kept.file))
    rows = example_rows().assign(shop=np.resize(["a", "b", None, "unknown"], 300))
    said = read.predict(rows)
    needed = np.resize([0.2, 0.9, 0.5, 0.4], 300)
    assert read.inputs == ("x", "gap", "kind", "shop")
    assert (said.values == 1).tolist() == (said.probabilities[:, 1] >= needed).tolist()
    assert format_of(read).name == "grouped"


def test_the_thresholds_are_plain_numbers_and_nothing_more_needs_trust_than_without_them(plain, tmp_path):
    types = GroupedFormat().write(by_group(plain), tmp_path / "model.zip")
    assert types == format_of(plain).write(plain, tmp_path / "model.skops")
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        assert set(archive.namelist()) == {"model.skops", "thresholds.json"}
        said = json.loads(archive.read("thresholds.json"))
    assert said == {"column": "kind", "label": 1, "at": AT, "otherwise": 0.4}


def test_a_model_without_thresholds_by_group_is_not_taken(plain, tmp_path):
    with pytest.raises(TrainingError, match="grouped keeps pipelines with thresholds by group"):
        GroupedFormat().write(plain, tmp_path / "model.zip")


@pytest.mark.parametrize("damaged", [b"{", b"[]", b'{"column": "kind"}'])
def test_changed_thresholds_are_not_read(plain, tmp_path, damaged):
    path = tmp_path / "model.zip"
    types = GroupedFormat().write(by_group(plain), path)
    with zipfile.ZipFile(path) as archive:
        inside = archive.read("model.skops")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.skops", inside)
        archive.writestr("thresholds.json", damaged)
    with pytest.raises(TrainingError, match=r"model\.zip is not a readable model with thresholds by group"):
        GroupedFormat().read(path, types)
