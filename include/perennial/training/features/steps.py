"""The spec's `features.steps` as parts of a scikit-learn Pipeline.

A step is a Pipeline of two: `columns` makes what the transformer takes, and `make` is the transformer. Where a step takes
what an earlier one makes, the earlier step is a part of `columns`, so that all are fitted together, on the same rows.

What a transformer takes is a data frame of the features, with their names. Infinite numbers count as missing, NaN; a
missing category is the text `(missing)` and a missing text is empty, since it is NaN in a snapshot but None in a request
to a server. Times are as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from perennial.models.transformer import build_transformer, takes_one_column
from perennial.spec import ModelSpec
from perennial.spec.feature_names import FeatureKind
from perennial.spec.steps import taken_steps
from perennial.training.features.preparation import MISSING, Part, Readers, computable, prepared_parts, tags_of
from perennial.training.features.text_and_time import filled


def build_preparation(spec: ModelSpec, estimator: Any, others: Sequence[Any] = ()) -> list[tuple[str, Any]]:
    """Return the pipeline's steps between transform and estimator: `prepare`, and the steps that take all.

    Parameters
    ----------
    spec : ModelSpec
    estimator : estimator
    others : sequence of samplers
        They read the prepared features too.

    Raises
    ------
    TrainingError
        A transformer cannot be imported or built, or does not take what it is given.
    """
    features = spec.features
    after = [
        (part_name(spec, n), build_transformer(step, n, seed=spec.model.seed, takes_results=True))
        for n, step in enumerate(features.steps)
        if step.takes_all
    ]
    readers = Readers.of(estimator, [*(transformer for _, transformer in after), *others])
    prepared = prepared_parts(untaken(spec), readers, seed=spec.model.seed)
    parts = [*prepared, *(_part(spec, n) for n in last_steps(spec))]
    prepare = ColumnTransformer(parts)
    if features.steps:
        prepare.set_params(sparse_threshold=_sparse_threshold(takes_sparse=readers.takes_sparse))
    return [("prepare", prepare), *after]


def untaken(spec: ModelSpec) -> dict[FeatureKind, tuple[str, ...]]:
    """Return kind -> the features of this kind that no step takes."""
    taken = {name for names in spec.features.taken for name in names}
    return {kind: tuple(n for n in names if n not in taken) for kind, names in spec.features.kinds.items()}


def last_steps(spec: ModelSpec) -> list[int]:
    """Return the numbers of the steps whose results go to the estimator, or to steps that take all."""
    steps = spec.features.steps
    used = {source for number in range(len(steps)) for source in taken_steps(steps, number)}
    return [number for number, step in enumerate(steps) if number not in used and not step.takes_all]


def part_name(spec: ModelSpec, number: int) -> str:
    """Return the name of a step within the pipeline."""
    return spec.features.steps[number].name or f"step_{number + 1}"


def build_step(spec: ModelSpec, number: int) -> Pipeline:
    """Return one step that does not take all, unfitted, with the earlier steps whose results it takes.

    Raises
    ------
    TrainingError
        See `build_preparation`.
    """
    step, features = spec.features.steps[number], spec.features.taken[number]
    sources = taken_steps(spec.features.steps, number)
    transformer = build_transformer(step, number, seed=spec.model.seed, takes_results=bool(sources))
    if takes_one_column(transformer):
        transformer = ColumnTransformer([(f"column_{i}", transformer, name) for i, name in enumerate(features, 1)])
    columns = _frame(spec, features)
    if sources:
        own = [("features", columns, list(features))] if features else []
        columns = ColumnTransformer(
            [*own, *(_part(spec, source) for source in sources)],
            sparse_threshold=_sparse_threshold(takes_sparse=tags_of(transformer).sparse),
        )
    return Pipeline([("columns", columns), ("make", transformer)])


def _part(spec: ModelSpec, number: int) -> Part:
    return part_name(spec, number), build_step(spec, number), _features_below(spec, number)


def _features_below(spec: ModelSpec, number: int) -> list[str]:
    """Return the features that a step takes, and those that the steps before it take."""
    found = dict.fromkeys(spec.features.taken[number])
    for source in taken_steps(spec.features.steps, number):
        found |= dict.fromkeys(_features_below(spec, source))
    return list(found)


def _frame(spec: ModelSpec, names: Sequence[str]) -> ColumnTransformer:
    """Return what makes a data frame of features, as a transformer can take them."""
    kinds = {kind: [name for name in names if name in of_kind] for kind, of_kind in spec.features.kinds.items()}
    parts: list[Part] = [
        ("numeric", Pipeline(computable()), kinds["numeric"]),
        ("categorical", filled(MISSING), kinds["categorical"]),
        ("text", filled(""), kinds["text"]),
        ("datetime", "passthrough", kinds["datetime"]),
    ]
    return ColumnTransformer([part for part in parts if part[2]], verbose_feature_names_out=False).set_output(
        transform="pandas"
    )


def _sparse_threshold(*, takes_sparse: bool) -> float:
    """Return scikit-learn's default where a sparse matrix may be given, and 0, for never, where not."""
    return 0.3 if takes_sparse else 0.0
