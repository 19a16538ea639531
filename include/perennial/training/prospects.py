"""Reports at ingest what training, evaluation, verdict and monitoring would find wrong with the rows later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.data.labels import positive_label, training_labels
from perennial.data.snapshots.read import read_unordered
from perennial.data.split import Split, split_by_time
from perennial.data.window import within
from perennial.printable import PrintableLog
from perennial.training.features.feature_values import odd_values

if TYPE_CHECKING:
    import pandas as pd

    from perennial.data.snapshots.records import Snapshot
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec

log = PrintableLog(__name__)

# Larger snapshots are left to the later steps, so that the memory of ingest does not grow with the rows.
MOST_VALUES = 20_000_000


def check_prospects(run: RetrainingRun, snapshot: Snapshot) -> None:
    """Read the columns of a snapshot that tell whether a model can be trained on it, and check them.

    Raises
    ------
    DataError, TrainingError, SpecError
        See `check_rows`.
    """
    spec = run.spec
    time = spec.source.event_time
    columns = dict.fromkeys((time, spec.target.column, *_features(spec)))
    if snapshot.rows * len(columns) <= MOST_VALUES:
        rows = read_unordered(run.store, snapshot, columns=list(columns))
        # What the shortest window has enough of, the others have.
        check_rows(spec, min((within(rows, window, time, snapshot.as_of) for window in run.windows), key=len))


def check_rows(spec: ModelSpec, rows: pd.DataFrame) -> None:
    """Refuse rows on which a later step is certain to fail, and warn of settings that can never be met.

    Parameters
    ----------
    spec : ModelSpec
    rows : pandas.DataFrame
        With event time, target and the features, unless a transform makes these.

    Raises
    ------
    DataError
        No row has a label, or no row is left to train on.
    TrainingError
        Too few rows, a single class, or a feature without a value to train on.
    SpecError
        `target.positive` is not one of the two labels.
    """
    time, target = spec.source.event_time, spec.target.column
    # Without the features, whose copy would take as long as reading them.
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
            "lower it, or drift will be found late",
            f"{watched.min_rows:,}",
            f"{len(rows):,}",
        )


def _features(spec: ModelSpec) -> tuple[str, ...]:
    # Features that a transform makes are checked in training.
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
