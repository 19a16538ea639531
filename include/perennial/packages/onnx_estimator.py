"""An estimator as an ONNX graph, by skl2onnx, from a matrix of 64-bit floats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from skl2onnx import get_model_alias, to_onnx
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.base import is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from perennial.errors import PackageError
from perennial.packages.onnx_preparation import PREPARED


def reads_doubles(estimator: Any) -> bool:
    """Tell whether the converted estimator reads 64-bit floats; skl2onnx knows histogram boosting in 32 bits only."""
    return not isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor)


def is_known(kind: type) -> bool:
    """Tell whether skl2onnx has a converter for a class of estimators."""
    try:
        get_model_alias(kind)
    except RuntimeError:
        return False
    return True


def estimator_graph(estimator: Any, width: int, opset: Mapping[str, int]) -> Any:
    """Return the ONNX model of an estimator that reads a matrix of shape (n, width).

    Raises
    ------
    PackageError
        skl2onnx cannot convert it.
    """
    # Without ZipMap, probabilities are an array and not a list of dictionaries.
    options = {id(estimator): {"zipmap": False}} if is_classifier(estimator) else None
    kind = DoubleTensorType if reads_doubles(estimator) else FloatTensorType
    try:
        with _whole_numbers_for_booleans():
            return to_onnx(
                estimator,
                initial_types=[(PREPARED, kind([None, width]))],
                options=options,
                target_opset=dict(opset),
            )
    except Exception as error:
        why = str(error).strip().partition("\n")[0]
        raise PackageError(f"skl2onnx cannot convert {type(estimator).__name__}: {why}") from error


@contextmanager
def _whole_numbers_for_booleans() -> Iterator[None]:
    """Give ONNX 0 and 1 where skl2onnx 1.20 gives booleans, which onnx 1.23 refuses (histogram boosting)."""
    add_node = ModelComponentContainer.add_node

    def adding(self: Any, op_type: str, inputs: Any, outputs: Any, **attributes: Any) -> Any:
        return add_node(self, op_type, inputs, outputs, **{name: _numbers(value) for name, value in attributes.items()})

    ModelComponentContainer.add_node = adding
    try:
        yield
    finally:
        ModelComponentContainer.add_node = add_node


def _numbers(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, list) and any(isinstance(one, bool | np.bool_) for one in value):
        return [int(one) for one in value]
    return value
