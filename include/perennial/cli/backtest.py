"""Runs a backtest in this process and helper processes, and shows its progress on a terminal."""

from __future__ import annotations

import math
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from threadpoolctl import threadpool_limits

from perennial.deployment import Deployment
from perennial.policy.backtest import compare_policies
from perennial.policy.history import History
from perennial.policy.matrix import Matrix
from perennial.policy.page import figure, with_error, write_backtest
from perennial.policy.records import Backtest, Difference
from perennial.policy.replay import Replay, begin_replay, rows_of
from perennial.policy.replayed_model import ReplayedModel, find_model, replay_training
from perennial.run import Run
from perennial.spec import ModelSpec
from perennial.store import open_store


def backtest(
    run: Run, console: Console, *, days: float | None, batches: int, processes: int | None = None
) -> tuple[Backtest, str]:
    """Train the models that are missing, follow all policies, and write the page.

    Parameters
    ----------
    run : Run
    console : rich.console.Console
    days : float or None
        Length of the period; None: the newest three quarters of the history.
    batches : int
        Number of batches into which the period is cut.
    processes : int, optional
        Number of processes that train at the same time; default: one for each processor.

    Returns
    -------
    Backtest
    str
        Store key of the backtest's page.

    Raises
    ------
    PerennialError
        The period cannot be replayed, or its first training gives no model.
    """
    replay = begin_replay(run, days=days, batches=batches)
    columns = (
        TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(), TextColumn("{task.fields[now]}"),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        line = progress.add_task("models", total=replay.batches, now="")
        models: dict[int, ReplayedModel] = {}
        for model in trained_models(run, replay, processes):
            models[model.number] = model
            progress.update(line, completed=len(models))
        history = rows_of(run, replay)
        matrix = Matrix.of(run, replay, history, [models[number] for number in range(replay.batches)])
        line = progress.add_task("policies", total=None, now="")
        began = time.monotonic()

        def said(title: str, done: int, total: int) -> None:
            progress.update(line, completed=done, total=total, now=title)

        found = compare_policies(history.spec, replay, matrix, said=said)
        progress.update(line, now=f"{time.monotonic() - began:.0f} s")
    return found, write_backtest(run.store, found)


def trained_models(run: Run, replay: Replay, processes: int | None) -> Iterator[ReplayedModel]:
    """Yield a replay's models as they get ready; those of earlier calls come first."""
    kept = {number: find_model(run, replay, number) for number in range(replay.batches)}
    yield from (model for model in kept.values() if model is not None)
    missing = [number for number, model in kept.items() if model is None]
    workers = min(processes or os.cpu_count() or 1, len(missing))
    if workers <= 1:
        history = rows_of(run, replay) if missing else None
        yield from (replay_training(run, replay, history, number) for number in missing if history is not None)
        return
    # Spawned, since a forked copy of a process with threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_alone_on_a_processor) as pool:
        futures = [pool.submit(_train, run.spec, run.store.uri, run.now, replay, number) for number in missing]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _alone_on_a_processor() -> None:
    threadpool_limits(1)


_HISTORIES: dict[str, History] = {}
"""The history that this helper process has read."""


def _train(spec: ModelSpec, store_uri: str, now: datetime, replay: Replay, number: int) -> ReplayedModel:
    # The store is opened again here, since a client of S3 cannot be passed to another process.
    store = open_store(store_uri)
    run = Run(spec=spec, deployment=Deployment(store=store, tracking_uri="", data_root=""), now=now)
    if replay.digest not in _HISTORIES:
        _HISTORIES[replay.digest] = rows_of(run, replay)
    return replay_training(run, replay, _HISTORIES[replay.digest], number)


def backtest_table(found: Backtest) -> Table:
    """Return the policies as a table."""
    table = Table(box=None, pad_edge=False)
    table.add_column("trains")
    for name in (found.metric, "against never", "against every batch", "trainings", "promoted", "CPU s"):
        table.add_column(name, justify="right")
    for one in found.policies:
        table.add_row(
            f"{one.title}, together" if one.together else one.title,
            figure(one.score),
            *(Text(text, style=style) for text, style in map(_effect, (one.on_never, one.on_always))),
            f"{one.trainings:.1f}",
            f"{one.promotions:.1f}",
            f"{one.cpu_seconds:,.1f}" if math.isfinite(one.cpu_seconds) else "–",
        )
    return table


def _effect(effect: Difference) -> tuple[str, str]:
    """Return a difference as text, and its colour."""
    if effect.mean == 0 == effect.standard_error:
        return "", ""
    style = "dim" if not effect.detectable else "green" if effect.mean > 0 else "red"
    return with_error(effect), style
