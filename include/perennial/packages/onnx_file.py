"""A model as one ONNX file, with its preparation, where all of it can be converted; otherwise an error says why not.

skl2onnx converts the estimator; the preparation before it is converted in `onnx_preparation`, in 64 bits. A conversion can
be wrong without a word. So what is known to convert wrongly is refused here, and all else is held against the bundle on
the whole holdout by the rehearsal before anything is promoted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from perennial.errors import PackageError
from perennial.models.boosted import Boosted
from perennial.models.bundle import read_served
from perennial.models.decided import innermost
from perennial.models.formats.skops_format import SkopsModel
from perennial.models.manifest import Manifest
from perennial.packages.wheel import module_name

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

OPSET = {"": 18, "ai.onnx.ml": 3}
"""In ai.onnx.ml 3, trees compare in 64 bits for the first time."""
_HISTOGRAM_BOOSTING = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


def build_onnx(bundle: Path, manifest: Manifest, *, name: str, scratch: Path) -> Path:
    """Convert the served model of a bundle.

    The file has one input of shape (n, 1) for each column: 64-bit floats, or text, where a missing text is empty. Its
    metadata have, as JSON, `inputs` (column -> name of its input) and `classes` (the labels, in the order of the
    probabilities).

    Parameters
    ----------
    bundle : Path
        Folder with the bundle's files, verified.
    manifest : Manifest
    name : str
        The model's name.
    scratch : Path
        A folder for the file.

    Returns
    -------
    Path
        `<name>.onnx`.

    Raises
    ------
    PackageError
        A part of the model cannot be converted, is known to be converted wrongly, or ONNX's libraries are missing.
    """
    pipeline = _convertible(bundle, manifest)
    try:
        from perennial.packages.onnx_estimator import estimator_graph, reads_doubles
        from perennial.packages.onnx_preparation import preparation_graph, put_together
    except ImportError as error:
        raise PackageError(f"its libraries are not installed ({error}): pip install 'perennial[onnx]'") from error
    prepared, width = preparation_graph(
        pipeline.named_steps["prepare"], manifest.inputs, OPSET, doubles=reads_doubles(pipeline[-1])
    )
    whole = put_together(prepared, estimator_graph(pipeline[-1], width, OPSET))
    inputs = dict(zip(manifest.inputs, [one.name for one in whole.graph.input], strict=True))
    for key, value in {"inputs": inputs, "classes": list(manifest.labels)}.items():
        entry = whole.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value)
    target = scratch / f"{module_name(name)}.onnx"
    target.write_bytes(whole.SerializeToString(deterministic=True))
    return target


def _convertible(bundle: Path, manifest: Manifest) -> Pipeline:
    if manifest.members:
        raise PackageError("several models serve together, and one ONNX file holds one")
    if manifest.transform is not None:
        raise PackageError(f"{manifest.transform} makes the features by Python code, which ONNX cannot hold")
    if manifest.thresholds is not None:
        raise PackageError(
            f"the label follows from a threshold for each group of {manifest.thresholds.column!r}, which is not converted"
        )
    model = read_served(bundle, manifest, "the model")
    if not isinstance(model, SkopsModel):
        raise PackageError(f"a model of the format {manifest.format} is not a pipeline")
    pipeline = model.pipeline
    unknown = [step for step in pipeline.named_steps if step not in ("prepare", "estimator")]
    if unknown:
        raise PackageError(f"the spec's own steps are not converted: {', '.join(unknown)}")
    _refuse_wrong_conversion(pipeline[-1])
    return pipeline


def _refuse_wrong_conversion(estimator: Any) -> None:
    for part in _parts(estimator):
        categories = getattr(part, "is_categorical_", None)
        if isinstance(part, _HISTOGRAM_BOOSTING) and categories is not None and categories.any():
            raise PackageError(
                "histogram boosting with categories is converted wrongly, without an error (probabilities were off by up to "
                "0.99): name no categorical features, or set model.params.categorical_features to null, by which "
                "categories count as numbers"
            )
        if hasattr(part, "tree_") and not np.isfinite(part.tree_.threshold).all():
            # skl2onnx 1.20 would search without end for the 32-bit number that is next to infinity.
            raise PackageError(
                f"trees of {type(estimator).__name__} split by whether a number is missing, which is not converted: fill "
                "missing numbers in a model for ONNX"
            )
        if isinstance(part, Boosted):
            raise PackageError(f"a booster of {part.library_} is not converted")


def _parts(estimator: Any) -> Iterator[Any]:
    """Yield a fitted estimator, and those that it consists of."""
    yield estimator
    members = getattr(estimator, "estimators_", [])
    for one in (innermost(estimator), *(members.flat if isinstance(members, np.ndarray) else members)):
        if one is not estimator:
            yield from _parts(one)
