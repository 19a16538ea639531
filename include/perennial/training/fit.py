"""Fits the spec's model, in a training and when a training is repeated."""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.data.labels import training_labels
from perennial.data.values.columns import LARGEST_NUMBER
from perennial.data.weights import training_weights
from perennial.errors import TrainingError
from perennial.models.skops_format import SkopsModel
from perennial.models.transform import features_of
from perennial.printable import PrintableLog
from perennial.training.feature_values import odd_values
from perennial.training.pipeline import build_pipeline
from perennial.training.step_faults import check_steps, failing_step

if TYPE_CHECKING:
    from perennial.spec import ModelSpec

log = PrintableLog(__name__)


@dataclass(frozen=True)
class Fit:
    """A model and the rows to fit it on.

    Attributes
    ----------
    spec : ModelSpec
        What the model was built from.
    model : SkopsModel
        Fitted in place.
    inputs : pandas.DataFrame
        The columns that the model reads.
    labels : array of shape (len(inputs),)
        The target.
    weights : array of shape (len(inputs),) or None
        How much each row counts; None: all count the same.
    level : int
        Of the log's messages about a fit without trouble.
    """

    spec: ModelSpec
    model: SkopsModel
    inputs: pd.DataFrame
    labels: npt.NDArray[Any]
    weights: npt.NDArray[np.float64] | None = None
    level: int = logging.INFO

    @property
    def name(self) -> str:
        """Import path of the estimator, for messages."""
        return self.spec.model.estimator

    def run(self) -> float:
        """Fit the model; return the seconds that it took.

        Raises
        ------
        TrainingError
            The estimator or a step of the spec fails; or a step loses or reorders rows, or makes other columns of
            other rows.
        """
        log.log(self.level, "fitting %s on %d rows x %d columns", self.name, *self.inputs.shape)
        started = time.monotonic()
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                # Without random_state, which 1.11 will drop, it gives other features in each fit.
                warnings.filterwarnings("ignore", "`TargetEncoder.shuffle` and `TargetEncoder.random_state`")
                self.model.pipeline.fit(self.inputs, self.labels, **self._more())
        except Exception as error:
            fault = failing_step(self.spec, self.model.pipeline, self.inputs, self.labels)
            raise TrainingError(
                fault or f"{self.name} failed in fit on {len(self.labels)} rows: {type(error).__name__}: {error}"
            ) from error
        seconds = time.monotonic() - started
        check_steps(self.spec, self.model.pipeline, self.inputs)
        for message in dict.fromkeys(str(warning.message) for warning in said):
            log.warning("%s: %s", self.name, message)
        log.log(self.level, "fitted in %.1f s", seconds)
        return seconds

    def _more(self) -> dict[str, Any]:
        return {} if self.weights is None else {"estimator__sample_weight": self.weights}


def prepare_fit(spec: ModelSpec, rows: pd.DataFrame, *, level: int = logging.INFO) -> Fit:
    """Build the spec's model, and make sure that it can be fitted on the training rows.

    Parameters
    ----------
    spec : ModelSpec
    rows : pandas.DataFrame
        With the spec's `training_columns`, each row labelled.
    level : int
        Of the log's messages about what is found.

    Raises
    ------
    TrainingError
        The model cannot be built; too few rows, a single class, a feature without a value to train on, or a row without
        a weight.
    """
    model = SkopsModel(build_pipeline(spec))
    inputs = rows[list(spec.features.input_columns)]
    labels = training_labels(rows, spec)
    _check_features(spec, inputs, level)
    return Fit(spec, model, inputs, labels, training_weights(spec, rows), level)


def _check_features(spec: ModelSpec, inputs: pd.DataFrame, level: int) -> None:
    """Raise TrainingError if a feature has no value, and log how many values count as missing or are bounded."""
    for name, odd in odd_values(spec, features_of(spec, inputs)).items():
        if odd.missing or odd.infinite:
            said = "feature %s: %d values missing, %d infinite and taken as missing"
            log.log(level, said, name, odd.missing, odd.infinite)
        if odd.too_large:
            log.warning("feature %s: %d values beyond %.2g are taken as that", name, odd.too_large, LARGEST_NUMBER)
