"""Resamples the rows that a model is fitted on, by a sampler of imbalanced-learn.

Prepared rows are resampled, between the preparation and the estimator: distances are then those of scaled numbers, and the
preparation is that of the real rows. The sampler is not part of the model, which therefore serves without it, and nobody
need trust its code.
"""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from perennial.errors import TrainingError
from perennial.models.predictions import as_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    from perennial.spec import ModelSpec

Block = list[int]
"""The prepared columns of one categorical feature: one with its number, or one for each category."""


def build_sampler(spec: ModelSpec) -> Any | None:
    """Return the spec's sampler; None: the rows are taken as they are.

    Raises
    ------
    TrainingError
        It cannot be imported, refuses its parameters, or is no sampler.
    """
    wanted = spec.model.imbalance.resampling
    if wanted is None:
        return None
    place = "model.imbalance.resampling"
    module_name, _, class_name = wanted.sampler.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise TrainingError(f"{place}.sampler: {wanted.sampler} cannot be imported: {error}") from error
    params = dict(wanted.params)
    try:
        takes = inspect.signature(kind).parameters
        if "random_state" in takes:
            params["random_state"] = spec.model.seed
        if "categorical_features" in takes:
            params["categorical_features"] = []
        sampler = kind(**params)
    except Exception as error:
        raise TrainingError(f"{place}.params: {wanted.sampler} cannot be built with them: {error}") from error
    if not hasattr(sampler, "fit_resample"):
        raise TrainingError(f"{place}.sampler: {wanted.sampler} is no sampler: it has no fit_resample")
    if takes_categories(sampler) and not spec.features.categorical:
        raise TrainingError(
            f"{place}.sampler: {class_name} is for mixed columns, and no feature is categorical: use SMOTE"
        )
    return sampler


def takes_categories(sampler: Any) -> bool:
    """Tell whether a sampler must be told which columns are categories."""
    return hasattr(sampler, "categorical_features")


def check_neighbours(sampler: Any, labels: NDArray[Any]) -> None:
    """Make sure that each label of which rows are to be made has enough rows for the sampler's neighbours.

    Raises
    ------
    TrainingError
        It has not, or the sampler's strategy contradicts the labels.
    """
    from imblearn.over_sampling import SMOTE
    from imblearn.over_sampling.base import BaseOverSampler
    from imblearn.utils import check_sampling_strategy

    # SMOTEENN and SMOTETomek hold a SMOTE.
    maker = (sampler.smote or SMOTE()) if hasattr(sampler, "smote") else sampler
    if not isinstance(maker, BaseOverSampler):
        return
    try:
        made = check_sampling_strategy(sampler.sampling_strategy, labels, "over-sampling")
    except ValueError as error:
        raise TrainingError(f"model.imbalance.resampling.params: {error}") from error
    wanted = getattr(maker, "k_neighbors", getattr(maker, "n_neighbors", 0))
    # A neighbour index may be given in place of a number; it counts the row itself.
    neighbours = wanted if isinstance(wanted, int) else wanted.n_neighbors - 1
    counts = pd.Series(labels).value_counts()
    for label, rows in made.items():
        if rows and counts[label] <= neighbours:
            raise TrainingError(
                f"model.imbalance.resampling: label {as_labels([label])[0]!r} has {counts[label]} training rows, and "
                f"{type(maker).__name__} looks for {neighbours} neighbours of each among them: lower its neighbours in "
                "params, widen source.window, or take RandomOverSampler"
            )


def resample(sampler: Any, prepare: Pipeline, prepared: Any, labels: NDArray[Any]) -> tuple[Any, NDArray[Any]]:
    """Return the rows that the estimator is fitted on.

    Parameters
    ----------
    sampler : sampler of imbalanced-learn
    prepare : sklearn.pipeline.Pipeline
        The fitted preparation: all steps but the estimator.
    prepared : array or sparse matrix of shape (n, columns)
        What it makes of the training rows.
    labels : array of shape (n,)

    Raises
    ------
    TrainingError
        The sampler fails, or the categories that it must be told are not known.
    """
    try:
        if not takes_categories(sampler):
            made, made_labels = sampler.fit_resample(prepared, labels)
            return made, made_labels
        return _with_categories(sampler, _blocks(prepare[-1]), prepared, labels)
    except TrainingError:
        raise
    except Exception as error:
        raise TrainingError(
            f"model.imbalance.resampling: {type(sampler).__name__} failed on {len(labels)} training rows: "
            f"{type(error).__name__}: {error}"
        ) from error


def _with_categories(
    sampler: Any, blocks: list[Block], prepared: Any, labels: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Resample with one column for each categorical feature, and spread it over the prepared columns again.

    Columns of 0 and 1 for each category, taken alone, would give rows of no category or of several.
    """
    if not blocks:
        raise TrainingError(
            "model.imbalance.resampling: the prepared columns of categorical features are not known after "
            "features.steps that encode them otherwise or take all: resample by SMOTE or RandomOverSampler"
        )
    dense = np.asarray(prepared.toarray() if hasattr(prepared, "toarray") else prepared, dtype=np.float64)
    of_categories = [column for block in blocks for column in block]
    numeric = np.setdiff1d(np.arange(dense.shape[1]), of_categories)
    codes = [dense[:, block].argmax(axis=1) if len(block) > 1 else dense[:, block[0]] for block in blocks]
    sampler.set_params(categorical_features=list(range(len(numeric), len(numeric) + len(blocks))))
    made, made_labels = sampler.fit_resample(np.column_stack([dense[:, numeric], *codes]), labels)
    spread = np.empty((len(made), dense.shape[1]))
    spread[:, numeric] = made[:, : len(numeric)]
    for block, code in zip(blocks, made[:, len(numeric) :].T, strict=True):
        spread[:, block] = np.eye(len(block))[code.astype(np.intp)] if len(block) > 1 else code[:, np.newaxis]
    return spread, made_labels


def _blocks(prepare: ColumnTransformer) -> list[Block]:
    """Return the columns of each categorical feature, from the fitted encoders; none if they are not known."""
    blocks: list[Block] = []
    for name, part, _ in getattr(prepare, "transformers_", ()):
        encoder = part.steps[-1][1] if hasattr(part, "steps") else part
        columns = prepare.output_indices_[name]
        if isinstance(encoder, OrdinalEncoder):
            blocks.extend([column] for column in range(columns.start, columns.stop))
        elif isinstance(encoder, OneHotEncoder) and encoder.drop is None:
            ends = columns.start + np.cumsum(_widths(encoder))
            blocks.extend(list(range(start, end)) for start, end in zip([columns.start, *ends[:-1]], ends, strict=True))
    return blocks


def _widths(encoder: OneHotEncoder) -> list[int]:
    rare = getattr(encoder, "infrequent_categories_", None) or [None] * len(encoder.categories_)
    pairs = zip(encoder.categories_, rare, strict=True)
    return [len(known) - (0 if few is None else len(few) - 1) for known, few in pairs]
