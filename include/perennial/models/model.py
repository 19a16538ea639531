"""What can be asked of a model, and what a format must do to keep one in files."""

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
        """The columns that it reads."""

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Return all that the model says about n rows.

        Parameters
        ----------
        frame : DataFrame of shape (n, columns)
            With `inputs`, in any order; other columns are ignored.

        Raises
        ------
        TrainingError
            What the model gives has not a row per row.
        """


class ModelFormat(Protocol):
    """A way to keep a model in files that hold no code. Every format passes `perennial.models.contract`."""

    name: str
    """As manifests name it."""
    version: int
    """Raised when files of before can no longer be read."""
    file: str
    """The file's name within a bundle."""

    def write(self, model: Model, path: Path) -> tuple[str, ...]:
        """Write the model.

        Returns
        -------
        tuple of str
            Types that `read` must be told to trust; none for a format that holds numbers only.

        Raises
        ------
        TrainingError
            The model holds something that the format cannot keep, or the disk refuses.
        """

    def read(self, path: Path, trusted: Collection[str]) -> Model:
        """Read a model; its types are checked before anything in it is made.

        Raises
        ------
        TrainingError
            The file is damaged, holds no such model, or a type that is not among the trusted ones.
        """
