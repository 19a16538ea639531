"""Checks that the trials of a search can end early as the spec says."""

from __future__ import annotations

from collections.abc import Iterator

from perennial.models.boosted import LIBRARIES
from perennial.spec.model import Model
from perennial.spec.reading.finding import Finding
from perennial.spec.tuning import Tuning


def check_pruner(tuning: Tuning, model: Model) -> Iterator[Finding]:
    """Yield a finding for each candidate that cannot be scored while it is fitted, if the pruner asks for that."""
    if tuning.pruner != "iterations":
        return
    for number, candidate in enumerate(model.candidates):
        library = LIBRARIES.get(candidate.estimator.partition(".")[0])
        if library is None or not library.continues:
            yield Finding(
                ("model", "candidates", number, "estimator"),
                f"{candidate.estimator} cannot be scored while it is fitted, as tuning.pruner `iterations` needs",
                "take the pruner median, which looks at folds, or an estimator of LightGBM or XGBoost",
            )
