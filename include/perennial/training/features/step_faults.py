"""Finds the spec's step that fails, or that would give served rows something else than training rows.

A row that is served comes alone, so what a step makes of it must not depend on the rows beside it or on their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline

from perennial.errors import TrainingError
from perennial.models.transformer import where
from perennial.spec import ModelSpec
from perennial.spec.steps import taken_steps
from perennial.training.features.preparation import Readers
from perennial.training.features.steps import build_step, last_steps, part_name

TRIED_ROWS = 100
_RELATIVE, _ABSOLUTE = 1e-6, 1e-9


def check_steps(spec: ModelSpec, pipeline: Pipeline, inputs: pd.DataFrame, *, columns: int) -> None:
    """Apply each fitted step to a sample of rows, in their order, in reverse, and to one row alone.

    Parameters
    ----------
    spec : ModelSpec
    pipeline : Pipeline
        The spec's model, whose preparation is fitted.
    inputs : pandas.DataFrame
        The columns that the model reads, of some rows: at most 100 of them, evenly spaced, are tried.
    columns : int
        How many columns the fit has made for the estimator.

    Raises
    ------
    TrainingError
        A step loses or reorders rows, makes another number of columns than in the fit, or fails.
    """
    if not spec.features.steps:
        return
    sample = inputs.iloc[np.unique(np.linspace(0, len(inputs) - 1, TRIED_ROWS).astype(int))]
    if spec.features.transform is not None:
        sample = pipeline.named_steps["transform"].transform(sample)
    for number, step, fitted_columns in _fitted(spec, pipeline, columns):
        place = where(number, spec.features.steps[number])
        together = _made(step, sample, place)
        if fitted_columns is not None and together.shape[1] != fitted_columns:
            raise TrainingError(
                f"{place} made {fitted_columns} columns in the fit and makes {together.shape[1]} of "
                f"{len(sample)} rows: the columns must not depend on the rows that are transformed"
            )
        alone = _made(step, sample.iloc[:1], place)
        if alone.shape[1] != together.shape[1]:
            raise TrainingError(
                f"{place} makes {together.shape[1]} columns of {len(sample)} rows and {alone.shape[1]} of one row: "
                "the columns must not depend on the rows that are transformed"
            )
        if not (_equal(_made(step, sample.iloc[::-1], place)[::-1], together) and _equal(alone, together[:1])):
            raise TrainingError(
                f"{place} makes something else of a row when other rows are beside it, or reorders rows: a served row "
                "comes alone, so it must be transformed by what was learnt in the fit only"
            )


def columns_made(spec: ModelSpec, pipeline: Pipeline, *, columns: int) -> dict[str, int]:
    """Return place -> number of columns, for each of the spec's fitted steps whose number is known.

    See `check_steps` for the parameters.
    """
    fitted = _fitted(spec, pipeline, columns) if spec.features.steps else ()
    return {where(number, spec.features.steps[number]): made for number, _, made in fitted if made is not None}


def failing_step(spec: ModelSpec, pipeline: Pipeline, inputs: pd.DataFrame, labels: Any) -> str:
    """Fit the steps one by one on rows on which the fit of the whole failed; say which one fails and how.

    Returns
    -------
    str
        Empty: none of them fails, so the estimator does.
    """
    if not spec.features.steps:
        return ""
    if spec.features.transform is not None:
        inputs = pipeline.named_steps["transform"].transform(inputs)
    taking_all = [number for number, step in enumerate(spec.features.steps) if step.takes_all]
    parts = [(number, build_step(spec, number)) for number in range(len(spec.features.steps) - len(taking_all))]
    results: dict[int, Any] = {}
    for number, part in parts:
        results[number], fault = _fit_result(part, inputs, labels)
        if fault:
            return f"{where(number, spec.features.steps[number])} {fault}"
    made, fault = _fit_result(pipeline.named_steps["prepare"], inputs, labels)
    if fault:
        return f"the preparation of the features {fault}"
    for number in taking_all:
        made, fault = _fit_result(pipeline.named_steps[part_name(spec, number)], made, labels)
        if fault:
            return f"{where(number, spec.features.steps[number])} {fault}"
    with_gaps = [number for number in last_steps(spec) if _has_gaps(results[number])] or taking_all
    if with_gaps and _has_gaps(made) and not Readers.of(pipeline[-1]).takes_nan:
        return (
            f"{where(with_gaps[-1], spec.features.steps[with_gaps[-1]])} leaves missing values, which "
            f"{spec.model.estimator} does not take: fill them in a step, such as sklearn.impute.SimpleImputer"
        )
    return ""


def _fit_result(part: Any, given: Any, labels: Any) -> tuple[Any, str]:
    """Return what a part makes in a fit, and what is wrong with it."""
    try:
        made = part.fit_transform(given, labels)
    except Exception as error:
        return None, f"failed in fit: {type(error).__name__}: {error}"
    rows, made_rows = given.shape[0], np.shape(made)[0]
    return made, _rows_lost(rows, made_rows) if made_rows != rows else ""


def _has_gaps(made: Any) -> bool:
    return bool(pd.isna(made.data if issparse(made) else np.asarray(made)).any())


def _fitted(spec: ModelSpec, pipeline: Pipeline, columns: int) -> Iterator[tuple[int, Pipeline, int | None]]:
    """Yield each fitted step: number, the part of the pipeline up to it, and its number of columns in the fit."""

    def below(within: Any, numbers: list[int]) -> Iterator[tuple[int, Pipeline, int | None]]:
        for number in numbers:
            name = part_name(spec, number)
            step, place = within.named_transformers_[name], within.output_indices_[name]
            sources = taken_steps(spec.features.steps, number)
            if sources:
                yield from below(step.named_steps["columns"], list(sources))
            yield number, step, place.stop - place.start

    yield from below(pipeline.named_steps["prepare"], last_steps(spec))
    for number, step in enumerate(spec.features.steps):
        if step.takes_all:
            first = 0 if spec.features.transform is None else 1
            last = list(pipeline.named_steps).index(part_name(spec, number))
            made = columns if last == len(pipeline) - 2 else getattr(pipeline[last + 1], "n_features_in_", None)
            yield number, pipeline[first : last + 1], made


def _made(step: Pipeline, rows: pd.DataFrame, place: str) -> npt.NDArray[Any]:
    try:
        made = step.transform(rows)
    except Exception as error:
        raise TrainingError(f"{place} failed on {len(rows)} rows: {type(error).__name__}: {error}") from error
    array = made.toarray() if issparse(made) else np.asarray(made)
    if array.shape[0] != len(rows):
        raise TrainingError(f"{place} {_rows_lost(len(rows), array.shape[0])}")
    return array if array.ndim == 2 else array.reshape(len(rows), -1)


def _rows_lost(given: int, made: int) -> str:
    return f"made {made} rows from {given}: a step must return one row for each, in the same order"


def _equal(some: npt.NDArray[Any], others: npt.NDArray[Any]) -> bool:
    if some.dtype.kind in "biufc" and others.dtype.kind in "biufc":
        return bool(np.allclose(some, others, rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True))
    return pd.DataFrame(some).equals(pd.DataFrame(others))
