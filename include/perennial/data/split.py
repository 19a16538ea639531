"""Which rows are trained on and which are held out: planned once, then applied by all steps in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from perennial.data.split_plan import SplitPlan
from perennial.data.window import within
from perennial.errors import DataError
from perennial.moments import shifted
from perennial.spec import ModelSpec, Window


@dataclass(frozen=True)
class Split:
    """Labelled rows, ordered by event time."""

    train: pd.DataFrame
    holdout: pd.DataFrame


def plan_splits(
    frame: pd.DataFrame, spec: ModelSpec, windows: Sequence[Window], as_of: datetime
) -> tuple[SplitPlan, ...]:
    """Plan a split of each window, all with the same holdout: the one of the shortest window.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows of the longest window, as for `plan_split`.
    spec : ModelSpec
    windows : sequence of Window, not empty
        All end with `as_of`, so the rows of a shorter one are the newest of a longer one.
    as_of : datetime

    Raises
    ------
    DataError
        If no row of a window has a label, or nothing is left to train on.
    """
    event_time = spec.source.event_time
    parts = [within(frame[[event_time, spec.target.column]], window, event_time, as_of) for window in windows]
    holdout_start = plan_split(min(parts, key=len), spec).holdout_start
    return tuple(plan_split(part, spec, holdout_start) for part in parts)


def plan_split(frame: pd.DataFrame, spec: ModelSpec, holdout_start: datetime | None = None) -> SplitPlan:
    """Decide where training ends and the holdout begins.

    The holdout is the end of the labelled rows: those of the N days before the newest, the newest N rows, or the newest
    share, including all rows with the same event time as the oldest of them. Training rows are those whose label was
    known when the holdout began: older than its oldest row, by at least `target.label_delay_days`.

    Parameters
    ----------
    frame : pandas.DataFrame
        With the columns of event time (zone-aware) and target, as `read_snapshot` returns them.
    spec : ModelSpec
    holdout_start : datetime, optional
        Oldest event time of the holdout, in place of the spec's rule.

    Raises
    ------
    DataError
        If no row has a label, or nothing is left to train on.
    """
    event_time, target = spec.source.event_time, spec.target.column
    times = frame.loc[frame[target].notna(), event_time].sort_values(ignore_index=True)
    if times.empty:
        raise DataError(
            f"none of the {len(frame)} rows has a label in {target!r}: wait for labels, or end the window earlier"
        )
    start = _holdout_start(times, spec) if holdout_start is None else pd.Timestamp(holdout_start)
    known = shifted(start.to_pydatetime(), -timedelta(days=spec.target.label_delay_days))
    trained = times[(times < start) & (times <= known)]
    held_out = times[times >= start]
    if trained.empty:
        raise DataError(
            f"nothing is left to train on: the {len(times)} labelled rows go from {times.iloc[0]} to {times.iloc[-1]}, "
            f"the holdout begins at {start} and labels take {spec.target.label_delay_days:g} days. "
            "Widen source.window, or shorten evaluation.holdout."
        )
    return SplitPlan(
        event_time=event_time,
        target=target,
        purge_days=spec.target.label_delay_days,
        train_start=trained.iloc[0].to_pydatetime(),
        train_end=trained.iloc[-1].to_pydatetime(),
        holdout_start=start.to_pydatetime(),
        holdout_end=held_out.iloc[-1].to_pydatetime(),
        train_rows=len(trained),
        holdout_rows=len(held_out),
        gap_rows=len(times) - len(trained) - len(held_out),
        unlabelled_rows=len(frame) - len(times),
    )


def apply_split(frame: pd.DataFrame, plan: SplitPlan, task: str) -> Split:
    """Split a snapshot's rows as planned.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows of the snapshot of the plan, with event time, target and any other columns that are wanted.
    plan : SplitPlan
    task : str
        For `classification`, whole-number labels are returned as integers, even if the column has missing values.
    """
    labelled = labelled_rows(frame, plan, task)
    times = labelled[plan.event_time]
    return Split(
        train=labelled[times <= plan.train_end].reset_index(drop=True),
        holdout=labelled[times >= plan.holdout_start].reset_index(drop=True),
    )


def labelled_rows(frame: pd.DataFrame, plan: SplitPlan, task: str) -> pd.DataFrame:
    """Return a window's labelled rows ordered by event time: those of training and holdout, and those between.

    Parameters
    ----------
    frame, plan, task
        As `apply_split`.
    """
    # The oldest labelled row of a window is trained on; older rows of the snapshot belong to a longer window.
    chosen = frame[plan.target].notna() & (frame[plan.event_time] >= plan.train_start)
    labelled = frame[chosen].sort_values(plan.event_time, kind="stable", ignore_index=True)
    if task == "classification" and pd.api.types.is_float_dtype(labelled[plan.target]):
        labelled[plan.target] = labelled[plan.target].astype("int64")
    return labelled


def split_by_time(frame: pd.DataFrame, spec: ModelSpec) -> Split:
    """Plan a split of rows and apply it; see `plan_split`."""
    return apply_split(frame, plan_split(frame, spec), spec.task)


def _holdout_start(times: pd.Series[pd.Timestamp], spec: ModelSpec) -> pd.Timestamp:
    """Return the holdout's oldest event time. At least the newest row is in it."""
    holdout = spec.evaluation.holdout
    if holdout.days is not None:
        return times[times > shifted(times.iloc[-1], -timedelta(days=holdout.days))].iloc[0]
    rows = holdout.rows if holdout.rows is not None else round(len(times) * (holdout.fraction or 0))
    return times.iloc[-min(max(rows, 1), len(times))]
