"""Prepares the rows of a fit, and those that it is tested on, or finds what an earlier fit has made of the same rows.

What is kept are the prepared rows, never the fitted preparation: a model that is saved has one that was fitted with it. Both
parts are kept together, so that they come from one fit. Weights do not count: the preparation does not see them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from perennial.errors import TrainingError
from perennial.training.features.feature_digests import features_digest
from perennial.training.features.step_faults import check_steps, columns_made

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from perennial.spec import ModelSpec
    from perennial.training.features.feature_cache import Arrays, FeatureCache
    from perennial.training.features.preparation import Readers

_NUMBERS = "biuf"
_LEARNT, _TESTED, _COLUMNS, _SECONDS = "learnt ", "tested ", "columns ", "seconds"


@dataclass
class PreparedFeatures:
    """Rows as the estimator reads them.

    Attributes
    ----------
    learnt : array, data frame or sparse matrix of n rows, or None
        Those that the preparation is fitted on, until they are taken.
    tested : array, data frame or sparse matrix of m rows, or None
        Others.
    columns : dict of place in the spec to int
        Numbers of columns that steps made, as far as they are known.
    fit_s, transform_s : float
        Seconds that it took to make `learnt` and `tested`.
    """

    learnt: Any
    tested: Any | None
    columns: dict[str, int]
    fit_s: float
    transform_s: float

    def take_learnt(self) -> Any:
        """Return `learnt`, which may be large, and hold it no longer."""
        learnt, self.learnt = self.learnt, None
        return learnt


def prepare_features(
    spec: ModelSpec, pipeline: Pipeline, inputs: pd.DataFrame, labels: NDArray[Any], tested: pd.DataFrame | None = None
) -> PreparedFeatures:
    """Fit a pipeline's preparation on rows, and apply it to others.

    Parameters
    ----------
    spec : ModelSpec
    pipeline : Pipeline
        The spec's model; its steps before the estimator are fitted in place.
    inputs : pandas.DataFrame of n rows
    labels : array of shape (n,)
    tested : pandas.DataFrame of m rows, optional

    Raises
    ------
    TrainingError
        A step loses or reorders rows, makes other columns of other rows, or fails on the tested rows.
    """
    began = time.monotonic()
    learnt = pipeline[:-1].fit_transform(inputs, labels)
    fit_s = time.monotonic() - began
    columns = np.shape(learnt)[-1]
    check_steps(spec, pipeline, inputs, columns=columns)
    made = PreparedFeatures(learnt, None, columns_made(spec, pipeline, columns=columns), fit_s, 0.0)
    if tested is None:
        return made
    began = time.monotonic()
    try:
        others = pipeline[:-1].transform(tested)
    except Exception as error:
        raise TrainingError(
            f"the features, prepared as {len(inputs)} rows taught, cannot be prepared in {len(tested)} others: "
            f"{type(error).__name__}: {error}"
        ) from error
    return replace(made, tested=others, transform_s=time.monotonic() - began)


def apply_preparation(spec: ModelSpec, pipeline: Pipeline, inputs: pd.DataFrame) -> PreparedFeatures:
    """Apply a preparation that was fitted before to rows that the model learns in addition; otherwise `prepare_features`."""
    began = time.monotonic()
    learnt = pipeline[:-1].transform(inputs)
    made_s = time.monotonic() - began
    check_steps(spec, pipeline, inputs, columns=np.shape(learnt)[-1])
    return PreparedFeatures(learnt, None, {}, made_s, 0.0)


def kept_features(
    cache: FeatureCache,
    readers: Readers,
    spec: ModelSpec,
    pipeline: Pipeline,
    inputs: pd.DataFrame,
    labels: NDArray[Any],
    tested: pd.DataFrame,
) -> PreparedFeatures:
    """Return what a cache has of these rows, in which case nothing is fitted; or else prepare them, and keep it.

    Parameters
    ----------
    cache : FeatureCache
    readers : Readers
        What the pipeline was built for.
    spec, pipeline, inputs, labels, tested
        See `prepare_features`, also for what is raised.
    """
    began = time.monotonic()
    name = features_digest(spec, readers, inputs, labels, tested)
    found = None if name is None else cache.find(name)
    if found is not None:
        made = _from_arrays(found)
        cache.found += 1
    else:
        made = prepare_features(spec, pipeline, inputs, labels, tested)
        arrays = _as_arrays(made)
        if name is not None and arrays is not None:
            cache.keep(name, arrays)
    cache.saved_s += made.fit_s + made.transform_s - (time.monotonic() - began)
    return made


def _as_arrays(made: PreparedFeatures) -> Arrays | None:
    """Return prepared rows as arrays of numbers; None: they are no arrays or CSR matrices of numbers."""
    learnt, tested = _parts(made.learnt), _parts(made.tested)
    if learnt is None or tested is None:
        return None
    return {
        **{_LEARNT + name: part for name, part in learnt.items()},
        **{_TESTED + name: part for name, part in tested.items()},
        **{_COLUMNS + place: np.asarray(number) for place, number in made.columns.items()},
        _SECONDS: np.array([made.fit_s, made.transform_s]),
    }


def _from_arrays(arrays: Arrays) -> PreparedFeatures:
    def below(prefix: str) -> Arrays:
        return {name.removeprefix(prefix): part for name, part in arrays.items() if name.startswith(prefix)}

    fit_s, transform_s = arrays[_SECONDS].tolist()
    columns = {place: int(number) for place, number in below(_COLUMNS).items()}
    return PreparedFeatures(_whole(below(_LEARNT)), _whole(below(_TESTED)), columns, fit_s, transform_s)


def _parts(prepared: Any) -> Arrays | None:
    if type(prepared) is np.ndarray and prepared.dtype.kind in _NUMBERS:
        return {"values": prepared}
    if sparse.issparse(prepared) and prepared.format == "csr" and prepared.dtype.kind in _NUMBERS:
        kind = "array" if isinstance(prepared, sparse.sparray) else "matrix"
        of = {"data": prepared.data, "indices": prepared.indices, "indptr": prepared.indptr}
        return {**of, kind: np.asarray(prepared.shape)}
    return None


def _whole(parts: Arrays) -> Any:
    if "values" in parts:
        return parts["values"]
    kind, shape = (sparse.csr_array, "array") if "array" in parts else (sparse.csr_matrix, "matrix")
    return kind((parts["data"], parts["indices"], parts["indptr"]), shape=tuple(parts[shape].tolist()))
