"""The interfaces of a model and of a format that stores one in files."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

import pandas as pd

from perennial.models.predictions import Predictions


class Model(Protocol):
    """A fitted model, whatever it is made of."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that the model reads."""

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Return the model's predictions for n rows.

        Parameters
        ----------
        frame : DataFrame of shape (n, columns)
            With `inputs`, in any order; other columns are ignored.

        Raises
        ------
        TrainingError
            The model does not return one result for each row.
        """


class ModelFormat(Protocol):
    """A way to store a model in files without code. Every format passes `perennial.models.contract`."""

    name: str
    """Name of the format in manifests."""
    version: int
    """Increased when older files can no longer be read."""
    file: str
    """The file's name within a bundle."""

    def write(self, model: Model, path: Path) -> tuple[str, ...]:
        """Write the model.

        Returns
        -------
        tuple of str
            Types that `read` must be told to trust; none for a format that stores numbers only.

        Raises
        ------
        TrainingError
            The model holds something that the format cannot store, or the file cannot be written.
        """

    def read(self, path: Path, trusted: Collection[str]) -> Model:
        """Read a model; its types are checked before any object in it is created.

        Raises
        ------
        TrainingError
            The file is damaged, does not hold a model of this format, or holds a type that is not among the trusted
            ones.
        """
