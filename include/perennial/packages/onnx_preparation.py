"""Perennial's preparation of features as an ONNX graph, in 64 bits.

skl2onnx's own converters compute medians and numbers of categories in 32 bits, leave out the columns that say where a
number was missing, and take no missing text. Numbers are therefore converted here step by step. For a category, the graph
looks up a row in a table, and the table holds what the fitted encoder itself makes of each of its categories, of an unseen
one and of a missing one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, compose, helper, numpy_helper
from scipy.sparse import issparse
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from perennial.errors import PackageError

PREPARED = "prepared"
# Not a text that a source has: the encoder's answer to what it has not seen.
_UNSEEN = "\x00(unseen)"


def preparation_graph(
    prepare: ColumnTransformer, inputs: Mapping[str, str], opset: Mapping[str, int], *, doubles: bool
) -> tuple[ModelProto, int]:
    """Return the ONNX model of a fitted preparation, and the number of columns that it makes.

    Parameters
    ----------
    prepare : ColumnTransformer
        Fitted; of `perennial.training.features.preparation`.
    inputs : mapping of column to type in a snapshot
    opset : mapping of domain to version
    doubles : bool
        Whether its results are 64-bit floats; otherwise they are rounded to 32 bits at the end.

    Raises
    ------
    PackageError
        It has a part that is not converted: text, times, or a step of the spec.
    """
    graph = _Graph(list(inputs))
    made = []
    for name, part, columns in prepare.transformers_:
        if isinstance(part, str) and part == "drop":
            continue
        if name == "numeric":
            made.append(_numbers(graph, part, list(columns)))
        elif name == "categorical":
            made.append(_categories(graph, part, list(columns)))
        else:
            raise PackageError(f"the preparation of {', '.join(columns)} ({name}) is not converted")
    kind = TensorProto.DOUBLE if doubles else TensorProto.FLOAT
    graph.node("Cast", [graph.node("Concat", made, axis=1)], PREPARED, to=kind)
    width = int(prepare.transform(_any_rows(prepare, inputs)).shape[1])
    return graph.model(inputs, width, kind, opset), width


def put_together(prepared: ModelProto, estimator: ModelProto) -> ModelProto:
    """Return one model: the preparation's results are what the estimator reads."""
    estimator = compose.add_prefix(estimator, "estimator_")
    estimator.ir_version = prepared.ir_version
    # skl2onnx states the oldest versions that do; those of both models must be the same.
    del estimator.opset_import[:]
    estimator.opset_import.extend(prepared.opset_import)
    whole = compose.merge_models(prepared, estimator, io_map=[(PREPARED, f"estimator_{PREPARED}")])
    checker.check_model(whole)
    return whole


class _Graph:
    """Nodes and constants of a graph whose inputs are named by the place of their column."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.inputs = {column: f"input_{place}" for place, column in enumerate(columns)}
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, kind: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        name = name or f"value_{len(self.nodes)}"
        domain = "ai.onnx.ml" if kind == "LabelEncoder" else ""
        self.nodes.append(helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name

    def constant(self, value: NDArray[Any]) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def numbers(self, value: Any) -> str:
        return self.constant(np.asarray(value, dtype=np.float64))

    def model(self, inputs: Mapping[str, str], width: int, kind: int, opset: Mapping[str, int]) -> ModelProto:
        given = [
            helper.make_tensor_value_info(
                self.inputs[column], TensorProto.STRING if of == "string" else TensorProto.DOUBLE, [None, 1]
            )
            for column, of in inputs.items()
        ]
        made = [helper.make_tensor_value_info(PREPARED, kind, [None, width])]
        whole = helper.make_graph(self.nodes, "model", given, made, self.constants)
        versions = [helper.make_opsetid(domain, version) for domain, version in opset.items()]
        return helper.make_model(whole, opset_imports=versions, ir_version=8, producer_name="perennial")


def _numbers(graph: _Graph, part: Pipeline, columns: list[str]) -> str:
    value = graph.node("Concat", [graph.inputs[column] for column in columns], axis=1)
    indicated: list[str] = []
    for step in part.named_steps.values():
        if isinstance(step, FunctionTransformer) and step.func in (np.nan_to_num, np.clip):
            value = _function(graph, step, value)
        elif isinstance(step, SimpleImputer):
            missing = graph.node("IsNaN", [value])
            if step.indicator_ is not None and len(step.indicator_.features_):
                places = graph.constant(np.asarray(step.indicator_.features_, dtype=np.int64))
                indicated = [
                    graph.node("Cast", [graph.node("Gather", [missing, places], axis=1)], to=TensorProto.DOUBLE)
                ]
            value = graph.node("Where", [missing, graph.numbers([step.statistics_]), value])
            value = graph.node("Concat", [value, *indicated], axis=1)
        elif isinstance(step, StandardScaler):
            value = graph.node("Sub", [value, graph.numbers([step.mean_])])
            value = graph.node("Div", [value, graph.numbers([step.scale_])])
        else:
            raise PackageError(f"the preparation of numbers has a step {type(step).__name__}, which is not converted")
    return value


def _function(graph: _Graph, step: FunctionTransformer, value: str) -> str:
    settings = step.kw_args or {}
    if step.func is np.clip:
        return graph.node("Clip", [value, graph.numbers(settings["a_min"]), graph.numbers(settings["a_max"])])
    # Infinite counts as missing.
    return graph.node("Where", [graph.node("IsInf", [value]), graph.numbers(np.nan), value])


def _categories(graph: _Graph, part: Any, columns: list[str]) -> str:
    encoder = part[-1] if isinstance(part, Pipeline) else part
    if not isinstance(encoder, OneHotEncoder | OrdinalEncoder):
        raise PackageError(f"categories are prepared by {type(encoder).__name__}, which is not converted")
    known = [[value for value in values if isinstance(value, str)] for values in encoder.categories_]
    base = pd.DataFrame({column: [values[0]] for column, values in zip(columns, known, strict=True)}, dtype="str")
    made, order = [], []
    for column, values in zip(columns, known, strict=True):
        asked = pd.concat([base] * (len(values) + 2), ignore_index=True)
        asked[column] = pd.Series([*values, _UNSEEN, np.nan], dtype="str")
        table = _dense(part.transform(asked))
        own = np.flatnonzero([len(np.unique(table[:, place])) > 1 for place in range(table.shape[1])])
        order += own.tolist()
        made.append(_looked_up(graph, graph.inputs[column], values, table[:, own]))
    width = _dense(part.transform(base)).shape[1]
    if sorted(order) != list(range(width)):
        raise PackageError("a column that is prepared from categories depends on none or on several of them")
    together = graph.node("Concat", made, axis=1)
    return graph.node("Gather", [together, graph.constant(np.argsort(order))], axis=1)


def _looked_up(graph: _Graph, text: str, values: list[str], table: NDArray[np.float64]) -> str:
    """Return the table's row for each text: of its own, the one before the last if it is unseen, the last if missing."""
    place = graph.node(
        "LabelEncoder",
        [text],
        # Empty is how a missing text is given.
        keys_strings=[*values, ""] if "" not in values else values,
        values_int64s=[*range(len(values)), len(values) + 1] if "" not in values else list(range(len(values))),
        default_int64=len(values),
    )
    flat = graph.node("Reshape", [place, graph.constant(np.array([-1], dtype=np.int64))])
    return graph.node("Gather", [graph.numbers(table), flat], axis=0)


def _dense(made: Any) -> NDArray[np.float64]:
    return np.asarray(made.toarray() if issparse(made) else made, dtype=np.float64)


def _any_rows(prepare: ColumnTransformer, inputs: Mapping[str, str]) -> pd.DataFrame:
    values: dict[str, Any] = {"string": pd.Series([""], dtype="str")}
    return pd.DataFrame({name: values.get(inputs[name], pd.Series([0.0])) for name in prepare.feature_names_in_})
