"""Logs a cross-validation to the MLflow run of the candidate: figures, plots and the folds."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perennial.evaluation.plots.folds import draw_folds, draw_scores

if TYPE_CHECKING:
    from perennial.data.folds import Fold
    from perennial.registry.tracking import Tracker
    from perennial.training.records import CrossValidation

ARTIFACT_FOLDER = "cross_validation"


def log_cross_validation(
    tracker: Tracker, run_id: str, folds: Sequence[Fold], found: CrossValidation, scratch: Path
) -> None:
    """Log the scores and what they were measured on.

    Metrics are `folds.<metric>.mean`, `folds.<metric>.spread`, and `folds.<metric>` with the folds as steps; artifacts are
    `cross_validation/folds.json`, `folds.png` and `scores.png`. Leave-one-out has only means.

    Parameters
    ----------
    tracker : Tracker
    run_id : str
        The MLflow run.
    folds : sequence of Fold
    found : CrossValidation
        The scores on the folds.
    scratch : Path
        A folder for the files before they are uploaded.
    """
    figures = {f"folds.{name}.mean": scores.mean for name, scores in found.scores.items()}
    figures |= {f"folds.{name}.spread": scores.spread for name, scores in found.scores.items() if scores.folds}
    tracker.log_metrics(run_id, figures | {"folds.fit_seconds": math.fsum(found.fit_seconds)})
    by_fold = {name: scores.folds for name, scores in found.scores.items() if scores.folds}
    for name, scores in by_fold.items():
        tracker.log_series(run_id, f"folds.{name}", scores)
    folder = scratch / ARTIFACT_FOLDER
    folder.mkdir()
    described = [_described(fold) for fold in folds] if by_fold else []
    content = {"folds": described, **found.model_dump(mode="json")}
    (folder / "folds.json").write_text(json.dumps(content, indent=2))
    if by_fold:
        (folder / "folds.png").write_bytes(draw_folds(folds))
        (folder / "scores.png").write_bytes(draw_scores(by_fold))
    tracker.log_folder(run_id, folder, ARTIFACT_FOLDER)


def _described(fold: Fold) -> dict[str, Any]:
    spans = {"train": (fold.train, fold.train_bounds), "test": (fold.test, fold.test_bounds)}
    return {
        "number": fold.number,
        **{
            name: {"rows": len(rows), "start": start.isoformat(), "end": end.isoformat()}
            for name, (rows, (start, end)) in spans.items()
        },
        "left_out_rows": len(fold.left_out),
    }
