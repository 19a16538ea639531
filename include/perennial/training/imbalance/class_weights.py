"""What the spec says of each label: checked against the labels that there are, and turned into weights of rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from perennial.data.labels import positive_label
from perennial.errors import TrainingError
from perennial.models.predictions import Label, distinct_labels

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from perennial.spec import ModelSpec


def check_labels(spec: ModelSpec, labels: NDArray[Any]) -> None:
    """Make sure that costs, class weights, threshold and mitigation fit the labels of the training rows, shape (n,).

    Raises
    ------
    TrainingError
        A label has no cost or no weight, or there are more than two labels to choose a threshold or mitigate for.
    SpecError
        A threshold or a mitigation is wanted, and `target.positive` does not name one of the two labels.
    """
    imbalance = spec.model.imbalance
    if spec.task == "regression":
        return
    found = distinct_labels(labels)
    if imbalance.costs is not None:
        _all_named(spec, found, imbalance.costs.labels, "model.imbalance.costs.labels")
    if isinstance(imbalance.class_weights, tuple):
        named = [one.label for one in imbalance.class_weights]
        _all_named(spec, found, named, "model.imbalance.class_weights")
    of_two = (
        "imbalance.threshold" if imbalance.threshold is not None else "mitigation" if spec.model.mitigation else None
    )
    if of_two is not None and len(found) > 2:
        raise TrainingError(
            f"model.{of_two} is for two labels, and {spec.target.column!r} has {len(found)} in the training "
            f"rows: {', '.join(map(repr, found[:10]))}. Leave it out"
        )
    if of_two is not None:
        positive_label(spec, found)


def weigh_labels(spec: ModelSpec, labels: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return the weight of each row by its label, shape (n,); None: all labels count the same."""
    given = spec.model.imbalance.class_weights
    if given is None:
        return None
    by_label = given if isinstance(given, str) else {one.label: one.weight for one in given}
    return np.asarray(compute_sample_weight(by_label, labels), dtype=np.float64)


def _all_named(spec: ModelSpec, found: tuple[Label, ...], named: Iterable[Label], where: str) -> None:
    missing = [label for label in found if label not in set(named)]
    if missing:
        raise TrainingError(
            f"{where} does not name the label {', '.join(map(repr, missing[:10]))} of {spec.target.column!r}: the training "
            f"rows have {', '.join(map(repr, found[:10]))}"
        )
