"""scikit-learn pipelines in skops files: never pickle, and only types that the caller allows."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import skops.io
from sklearn.pipeline import Pipeline

from perennial.errors import TrainingError
from perennial.models.by_group import decided_by_group, inputs_of
from perennial.models.model import Model
from perennial.models.predictions import Predictions, predict


@dataclass(frozen=True)
class SkopsModel:
    """A fitted pipeline as a Model.

    Attributes
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Fitted on a data frame.
    """

    pipeline: Pipeline

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that the pipeline was fitted on, in their order, and that of groups with thresholds of their own."""
        return tuple(dict.fromkeys((*self._fitted_on, *inputs_of(self.pipeline[-1]))))

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Return the pipeline's predictions for the rows; see Model."""
        return decided_by_group(self.pipeline[-1], predict(self.pipeline, frame[self._fitted_on]), frame)

    @property
    def _fitted_on(self) -> list[str]:
        return [str(name) for name in self.pipeline.feature_names_in_]


class SkopsFormat:
    """The format of scikit-learn pipelines; see ModelFormat."""

    name = "skops"
    version = 1
    file = "model.skops"

    def write(self, model: Model, path: Path) -> tuple[str, ...]:
        """Write a SkopsModel; return the types that a loader must trust beyond those of skops itself."""
        if not isinstance(model, SkopsModel):
            raise TrainingError(f"skops keeps scikit-learn pipelines, not {type(model).__name__}")
        try:
            # skops looks up some names in every loaded module; for each, Airflow's modules would log a warning in the
            # task's log.
            with warnings.catch_warnings(action="ignore"):
                skops.io.dump(model.pipeline, path)
        except OSError as error:
            raise TrainingError(f"the model cannot be written to {path}: {error}") from error
        except Exception as error:
            raise TrainingError(
                f"{type(model.pipeline[-1]).__name__} cannot be saved by skops: {error}. Pickle is not used, since "
                "loading a pickle runs any code in it; choose an estimator whose fitted state is data"
            ) from error
        return types_in(path)

    def read(self, path: Path, trusted: Collection[str]) -> SkopsModel:
        """Read a pipeline; its types are checked before any object in it is created."""
        try:
            # skops checks all types before it creates any object.
            model = skops.io.load(path, trusted=list(trusted))
        except Exception as error:
            refused = sorted(set(types_in(path)) - set(trusted))
            if refused:
                raise TrainingError(f"{path.name} holds types that are not allowed: {', '.join(refused)}") from error
            raise TrainingError(f"{path.name}: the model cannot be loaded: {type(error).__name__}: {error}") from error
        if not isinstance(model, Pipeline):
            raise TrainingError(f"{path.name} holds {type(model).__name__}, not a scikit-learn Pipeline")
        return SkopsModel(model)


def types_in(path: Path) -> tuple[str, ...]:
    """Return the types in a file that skops does not know to be harmless.

    Raises
    ------
    TrainingError
        The file cannot be read as a skops file.
    """
    try:
        return tuple(skops.io.get_untrusted_types(file=path))
    except Exception as error:
        raise TrainingError(f"{path.name} is not a readable skops file: {type(error).__name__}: {error}") from error
