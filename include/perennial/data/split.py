"""Split rows by time: train before, hold out after. Never at random, since time-ordered rows know their future."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from perennial.errors import DataError
from perennial.moments import shifted
from perennial.spec import ModelSpec


@dataclass(frozen=True)
class Split:
    """Labelled rows, ordered by event time."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    unlabelled_rows: int
    """Rows without a label, which are in neither."""
    gap_rows: int
    """Labelled rows between the two, whose labels were not known when the holdout began."""


def split_by_time(frame: pd.DataFrame, spec: ModelSpec) -> Split:
    """Split a snapshot's rows.

    The holdout is the end of the labelled rows: those younger than N days before the newest, or the newest N, or the
    newest share; rows that tie with the oldest of them come along. Training rows are those whose label was known when
    the holdout began: they are at least `target.label_delay_days` older than its oldest row, and older in any case.

    Parameters
    ----------
    frame : pandas.DataFrame
        With the spec's event time (zone-aware) and target, as `read_snapshot` returns it.
    spec : ModelSpec

    Raises
    ------
    DataError
        If no row has a label, or nothing is left to train on.
    """
    event_time, target = spec.source.event_time, spec.target.column
    labelled = frame[frame[target].notna()].sort_values(event_time, kind="stable", ignore_index=True)
    if labelled.empty:
        raise DataError(
            f"none of the {len(frame)} rows has a label in {target!r}: wait for labels, or end the window earlier"
        )
    if pd.api.types.is_float_dtype(labelled[target]) and spec.task == "classification":
        labelled[target] = labelled[target].astype("int64")
    times = labelled[event_time]
    start = _holdout_start(times, spec)
    known = shifted(start, -timedelta(days=spec.target.label_delay_days))
    is_train = (times < start) & (times <= known)
    is_holdout = times >= start
    if not is_train.any():
        raise DataError(
            f"nothing is left to train on: the {len(labelled)} labelled rows go from {times.iloc[0]} to {times.iloc[-1]}, "
            f"the holdout begins at {start} and labels take {spec.target.label_delay_days:g} days. "
            "Widen source.window, or shorten evaluation.holdout."
        )
    return Split(
        train=labelled[is_train].reset_index(drop=True),
        holdout=labelled[is_holdout].reset_index(drop=True),
        unlabelled_rows=len(frame) - len(labelled),
        gap_rows=int((~is_train & ~is_holdout).sum()),
    )


def _holdout_start(times: pd.Series[pd.Timestamp], spec: ModelSpec) -> pd.Timestamp:
    """Return the holdout's oldest event time. At least the newest row is in it."""
    holdout = spec.evaluation.holdout
    if holdout.days is not None:
        return times[times > shifted(times.iloc[-1], -timedelta(days=holdout.days))].iloc[0]
    rows = holdout.rows if holdout.rows is not None else round(len(times) * (holdout.fraction or 0))
    return times.iloc[-min(max(rows, 1), len(times))]
