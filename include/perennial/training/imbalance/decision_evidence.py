"""Shows what calibration and threshold do: Brier scores and a reliability plot on the holdout, before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sklearn.pipeline import Pipeline

from perennial.data.weights import metric_weights
from perennial.evaluation.classification import labelled_rows
from perennial.evaluation.metrics import score, task_labels
from perennial.evaluation.plots.curves import calibration
from perennial.models.decided import innermost
from perennial.models.predictions import predict

if TYPE_CHECKING:
    import pandas as pd

    from perennial.models.formats.skops_format import SkopsModel
    from perennial.registry.tracking import Tracker
    from perennial.spec import ModelSpec

FOLDER = "decision"


def log_decision(
    tracker: Tracker, run_id: str, spec: ModelSpec, model: SkopsModel, holdout: pd.DataFrame, scratch: Path
) -> None:
    """Log the threshold, the Brier score with and without calibration, and a reliability plot, where the spec has them.

    Parameters
    ----------
    tracker : Tracker
    run_id : str
        The MLflow run.
    spec : ModelSpec
    model : SkopsModel
        The fitted model.
    holdout : pandas.DataFrame
        Rows that it has not learnt from, with the target.
    scratch : Path
        A folder for the plot before it is uploaded.
    """
    if not spec.model.learns_from_folds:
        return
    said = model.predict(holdout)
    if said.threshold is not None:
        tracker.log_metrics(run_id, {"threshold": said.threshold.at})
    if spec.model.calibration is None:
        return
    target = holdout[spec.target.column]
    truth, weights = target.to_numpy(None if target.dtype.kind in "iuf" else object), metric_weights(spec, holdout)
    before = predict(uncalibrated(model.pipeline), holdout[list(model.pipeline.feature_names_in_)])
    labels = task_labels(truth, said)
    scores = {
        name: score(spec, truth, answers, labels=labels, only="brier", weights=weights).metrics["brier"]
        for name, answers in (("uncalibrated", before), ("calibrated", said))
    }
    tracker.log_metrics(run_id, {f"brier.{name}": value for name, value in scores.items()})
    plot = calibration(
        {
            "uncalibrated": labelled_rows(spec, truth, before, labels),
            spec.model.calibration: labelled_rows(spec, truth, said, labels),
        }
    )
    if plot is not None:
        folder = scratch / FOLDER
        folder.mkdir()
        (folder / "reliability.png").write_bytes(plot)
        tracker.log_folder(run_id, folder, FOLDER)


def uncalibrated(pipeline: Pipeline) -> Pipeline:
    """Return a calibrated model as it was before its calibration, without a threshold."""
    return Pipeline([*pipeline.steps[:-1], ("estimator", innermost(pipeline[-1]))])
