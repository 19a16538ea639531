"""Says at ingest what training, evaluation, verdict and monitoring would find out about the same rows later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.data.labels import positive_label, training_labels
from perennial.data.snapshots.read import read_unordered
from perennial.data.split import Split, split_by_time
from perennial.printable import PrintableLog
from perennial.training.feature_values import odd_values

if TYPE_CHECKING:
    import pandas as pd

    from perennial.data.snapshots.records import Snapshot
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec

log = PrintableLog(__name__)

# Beyond it the later steps say it: ingest takes the same memory however many rows there are.
MOST_VALUES = 20_000_000


def check_prospects(run: RetrainingRun, snapshot: Snapshot) -> None:
    """Read what of a snapshot's rows tells whether a model can come of them, and check it.

    Raises
    ------
    DataError, TrainingError, SpecError
        As `check_rows`.
    """
    spec = run.spec
    columns = dict.fromkeys((spec.source.event_time, spec.target.column, *_features(spec)))
    if snapshot.rows * len(columns) <= MOST_VALUES:
        check_rows(spec, read_unordered(run.store, snapshot, columns=list(columns)))


def check_rows(spec: ModelSpec, rows: pd.DataFrame) -> None:
    """Refuse rows on which a later step is certain to fail, and warn of what can never pass.

    Parameters
    ----------
    spec : ModelSpec
    rows : pandas.DataFrame
        With event time, target and, unless a transform makes them, features.

    Raises
    ------
    DataError
        No row has a label, or nothing is left to train on.
    TrainingError
        Too few rows, a single class, or a feature without a value to train on.
    SpecError
        `target.positive` does not fit the labels.
    """
    time, target = spec.source.event_time, spec.target.column
    # Copying the features along would take as long as reading them.
    split = split_by_time(rows[[time, target]], spec)
    training_labels(split.train, spec)
    if _features(spec):
        is_train = rows[target].notna() & (rows[time] <= split.train[time].iloc[-1])
        odd_values(spec, rows.loc[is_train, list(_features(spec))])
    _check_holdout(spec, split)
    watched = spec.monitoring
    if watched is not None and watched.min_rows > len(rows):
        log.warning(
            "monitoring.min_rows waits for %s new rows before each check, more than the whole window has (%s): "
            "lower it, or drift is found late",
            f"{watched.min_rows:,}",
            f"{len(rows):,}",
        )


def _features(spec: ModelSpec) -> tuple[str, ...]:
    # What a transform makes of its inputs is for the training to see.
    return () if spec.features.transform else spec.features.columns


def _check_holdout(spec: ModelSpec, split: Split) -> None:
    least, rows = spec.evaluation.gates.min_rows, len(split.holdout)
    if rows < least:
        log.warning(
            "the holdout has %s labelled rows and evaluation.gates.min_rows asks for %s, so the candidate will be "
            "rejected: widen source.window or evaluation.holdout, or lower min_rows",
            f"{rows:,}",
            f"{least:,}",
        )
    if spec.task == "regression":
        return
    name = spec.target.column
    trained, held_out = (set(part[name].tolist()) for part in (split.train, split.holdout))
    labels = tuple(sorted(trained | held_out, key=lambda label: (isinstance(label, str), label)))
    positive_label(spec, labels)
    if len(held_out) == 1:
        log.warning(
            "all %s held-out rows have the label %r, on which most metrics are not defined: widen evaluation.holdout",
            f"{rows:,}",
            *held_out,
        )
    for label in sorted(held_out - trained, key=str):
        log.warning("the label %r is in the holdout and in no training row: no model can predict it", label)
