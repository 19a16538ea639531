"""The tests that every model, and every format that stores one, must pass, as classes to derive from.

Part of the package, so that formats of other packages can be tested in the same way:

    class TestMyFormat(ModelFormatContract):
        format = MyFormat()

        def classifier(self, frame, labels): ...
        def regressor(self, frame, values): ...

A test of a model without a format of its own, such as several models that predict together, derives from ModelContract.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from perennial.errors import TrainingError
from perennial.models.model import Model, ModelFormat
from perennial.models.predictions import Predictions, identical

ROWS = 300


def example_rows() -> pd.DataFrame:
    """Return rows with numbers and texts, some missing or infinite, a label of each kind and a number to predict."""
    random = np.random.default_rng(11)
    x, kind = random.normal(size=ROWS), random.choice(["a", "b", "c"], ROWS)
    gap = random.normal(size=ROWS)
    gap[::9], gap[4::50] = np.nan, np.inf
    amount = x + (kind == "b") + random.normal(scale=0.3, size=ROWS)
    frame = pd.DataFrame({"x": x, "gap": gap, "kind": pd.Series(kind, dtype="str"), "amount": amount})
    frame.loc[::13, "kind"] = np.nan
    frame["label"] = (amount > 0.4).astype("int64")
    frame["text_label"] = pd.Series(np.where(amount > 1, "high", np.where(amount > 0, "middle", "low")), dtype="object")
    return frame


class ModelContract:
    """Tests of a model. pytest gives `tmp_path`."""

    kinds: Collection[str] = ("two labels", "three labels", "number")
    """What the models can predict."""

    @abstractmethod
    def classifier(self, frame: pd.DataFrame, labels: Any) -> Model:
        """Return a model fitted on the frame's columns `x`, `gap` and `kind`."""

    @abstractmethod
    def regressor(self, frame: pd.DataFrame, values: Any) -> Model:
        """Return a model fitted on the frame's columns `x`, `gap` and `kind`."""

    def models(self) -> dict[str, tuple[Model, pd.DataFrame]]:
        """Return models of two labels, of three text labels, and of a number, each with rows to predict for."""
        rows = example_rows()
        inputs = rows[["x", "gap", "kind"]]
        made = {
            "two labels": (self.classifier, "label"),
            "three labels": (self.classifier, "text_label"),
            "number": (self.regressor, "amount"),
        }
        return {
            kind: (make(inputs, rows[target].to_numpy()), inputs)
            for kind, (make, target) in made.items()
            if kind in self.kinds
        }

    @abstractmethod
    def round_trip(self, model: Model, folder: Path) -> Model:
        """Write a model and read it."""

    def test_a_model_says_the_same_after_it_was_written_and_read(self, tmp_path: Path) -> None:
        for name, (model, rows) in self.models().items():
            read = self.round_trip(model, tmp_path)
            assert read.inputs == model.inputs == ("x", "gap", "kind"), name
            assert identical(read.predict(rows), model.predict(rows)), name

    def test_a_row_alone_gets_what_it_gets_among_others(self, tmp_path: Path) -> None:
        for name, (model, rows) in self.models().items():
            read = self.round_trip(model, tmp_path)
            together = read.predict(rows)
            for row in (0, 9, 13):
                alone = read.predict(rows.iloc[[row]])
                assert alone.values[0] == together.values[row] or np.isclose(
                    float(alone.values[0]), float(together.values[row]), rtol=1e-9
                ), name
                if together.probabilities is not None and alone.probabilities is not None:
                    np.testing.assert_allclose(
                        alone.probabilities[0], together.probabilities[row], rtol=1e-9, atol=1e-12
                    )

    def test_the_order_of_the_columns_and_others_beside_them_do_not_matter(self, tmp_path: Path) -> None:
        for name, (model, rows) in self.models().items():
            read = self.round_trip(model, tmp_path)
            shuffled = rows.assign(other=1.0)[["kind", "other", "gap", "x"]]
            assert identical(read.predict(shuffled), model.predict(rows)), name

    def test_classes_name_the_columns_of_the_probabilities(self, tmp_path: Path) -> None:
        known = {"two labels": (0, 1), "three labels": ("high", "low", "middle")}
        for name, (model, rows) in self.models().items():
            if name == "number":
                continue
            said = self.round_trip(model, tmp_path).predict(rows)
            assert said.classes == known[name]
            assert said.probabilities is not None
            assert said.probabilities.shape == (len(rows), len(known[name]))
            np.testing.assert_allclose(said.probabilities.sum(axis=1), 1.0, rtol=1e-6)

    def test_a_number_has_neither_labels_nor_probabilities(self, tmp_path: Path) -> None:
        model, rows = self.models()["number"]
        said = self.round_trip(model, tmp_path).predict(rows)
        assert isinstance(said, Predictions)
        assert (said.classes, said.probabilities, said.decisions) == ((), None, None)
        assert said.values.shape == (len(rows),)

    def test_a_category_that_was_not_there_in_training_is_answered(self, tmp_path: Path) -> None:
        for name, (model, rows) in self.models().items():
            unseen = rows.head(5).assign(kind=pd.Series(["never seen"] * 5, dtype="str"))
            assert len(self.round_trip(model, tmp_path).predict(unseen).values) == 5, name


class ModelFormatContract(ModelContract):
    """Tests of a format, and of the models that it stores."""

    format: ModelFormat

    def round_trip(self, model: Model, folder: Path) -> Model:
        """Write a model and read it with the types that writing returned."""
        path = folder / self.format.file
        return self.format.read(path, self.format.write(model, path))

    def test_what_is_not_trusted_is_not_read(self, tmp_path: Path) -> None:
        model, _ = self.models()["two labels"]
        path = tmp_path / self.format.file
        needed = self.format.write(model, path)
        for left_out in needed:
            refused = _error(self.format, path, [name for name in needed if name != left_out])
            assert left_out in refused, refused

    def test_a_truncated_or_foreign_file_is_an_error_that_names_it(self, tmp_path: Path) -> None:
        model, _ = self.models()["two labels"]
        path = tmp_path / self.format.file
        types = self.format.write(model, path)
        content = path.read_bytes()
        for damaged in (content[: len(content) // 2], b"", b"not a model"):
            path.write_bytes(damaged)
            assert self.format.file in _error(self.format, path, types)


def _error(kept: ModelFormat, path: Path, trusted: Any) -> str:
    try:
        kept.read(path, trusted)
    except TrainingError as error:
        return str(error)
    raise AssertionError(f"{path.name} was read")
