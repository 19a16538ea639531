"""What is replayed: the rows, the moments at which a model is trained, and the names under which results are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from perennial.digests import replay_digest
from perennial.errors import DataError
from perennial.layout import REPLAY
from perennial.models.environment import library_versions
from perennial.models.transformer import code_digest
from perennial.models.tuning import Choice
from perennial.policy.first_search import first_search
from perennial.policy.history import History, load_history, read_history, write_history
from perennial.printable import PrintableLog
from perennial.record import Record
from perennial.run import Run
from perennial.spec import ModelSpec
from perennial.spec.feature_names import FeatureKind
from perennial.store.content import content_file, content_name
from perennial.store.damage import Damaged
from perennial.store.disk import disk_errors
from perennial.store.protocol import KeyNotFound
from perennial.store.sealed import read_record, seal

log = PrintableLog(__name__)

FEWEST_BATCHES, MOST_BATCHES = 4, 200
BATCHES = 26
_FIRST_SHARE = 0.25
_ADVICE = "It is derived from the source: run the backtest again"


class Replay(Record):
    """A replay as it was started, so that all its parts use the same rows and moments."""

    model: str
    digest: str
    """Digest of rows, batch ends, recipe and libraries; models of an equal replay are used again."""
    rows: str
    """Store key of the history."""
    ends: tuple[datetime, ...]
    """Moments at which a model is trained; batch b, from 1 on, has the rows after `ends[b - 1]` up to `ends[b]`."""
    features: dict[FeatureKind, tuple[str, ...]] = {}
    """Kind -> the features of all models, with the columns that patterns of the spec stand for."""
    choice: Choice | None = None
    """What a search at the first moment chose for all models; None: the spec names one estimator."""

    @property
    def batches(self) -> int:
        """Number of batches that are scored."""
        return len(self.ends) - 1


def begin_replay(
    run: Run, *, days: float | None = None, batches: int = BATCHES, ends: Sequence[datetime] | None = None
) -> Replay:
    """Read the source and decide what is replayed; the result of an earlier call for the same is used again.

    Parameters
    ----------
    run : Run
        `as_of` ends the period.
    days : float, optional
        Length of the period; None: the newest three quarters of the history. The first model is trained at its
        beginning.
    batches : int
        Number of stretches of equal time into which the period is cut. A stretch without labelled rows joins the next
        one.
    ends : sequence of datetime, optional
        The moments themselves, ascending, instead of `days` and `batches`.

    Raises
    ------
    DataError
        The source has too few rows, none in the period, or none before it to train the first model on; or the spec's
        models continue each other.
    """
    if run.spec.model.update is not None:
        raise DataError(
            "model.update: a backtest trains each model in full, whichever came before it, and cannot tell how models that "
            "continue each other would have done: replay a spec without it"
        )
    first, *others = run.spec.source.windows
    if others:
        log.warning("only the first of the spec's %d windows is replayed: %s", 1 + len(others), first.in_words)
    history = read_history(run)
    run = replace(run, spec=history.spec)
    moments = _moments(ends) if ends is not None else _ends(history, days, batches)
    settled = _with_rows(run.spec, history, moments)
    with run.store.scratch() as scratch:
        path = scratch / "rows.parquet"
        with disk_errors(path):
            write_history(history, str(path))
        name = content_name(path, "rows")
        digest = replay_digest(
            run.spec,
            rows=name,
            ends=[end.isoformat() for end in settled],
            transform_digest=code_digest(run.spec.features),
            libraries=library_versions(*run.spec.fitting_code),
        )[:16]
        key = REPLAY.folder(run.spec.name, digest) + name
        choice = _kept_choice(run, digest) or first_search(run, history, settled[0])
        replay = Replay(
            model=run.spec.name, digest=digest, rows=key, features=run.spec.features.kinds, ends=settled, choice=choice
        )
        run.store.put_file(key, path)
    run.store.write(REPLAY.key(run.spec.name, digest), seal(replay))
    return replay


def _kept_choice(run: Run, digest: str) -> Choice | None:
    try:
        return find_replay(run, digest).choice
    except (KeyNotFound, Damaged):
        return None


def find_replay(run: Run, digest: str) -> Replay:
    """Return a replay that was started before.

    Raises
    ------
    KeyNotFound, Damaged
        There is no such replay, or its record was changed.
    """
    return read_record(run.store, REPLAY.key(run.spec.name, digest), Replay, _ADVICE)


def rows_of(run: Run, replay: Replay) -> History:
    """Return a replay's rows, and with them the spec that has its features.

    Raises
    ------
    Damaged
        The rows are gone, or were changed.
    """
    with content_file(run.store, replay.rows, _ADVICE) as path, disk_errors(path):
        return load_history(run.spec.with_features(replay.features), str(path))


def _moments(ends: Sequence[datetime]) -> list[datetime]:
    return sorted({end.astimezone(UTC) for end in ends})


def _ends(history: History, days: float | None, batches: int) -> list[datetime]:
    if not FEWEST_BATCHES <= batches <= MOST_BATCHES:
        raise DataError(
            f"{batches} batches: give {FEWEST_BATCHES} to {MOST_BATCHES}; with fewer, policies cannot be compared"
        )
    first, last = (pd.Timestamp(moment, tz="UTC").to_pydatetime() for moment in history.times[[0, -1]])
    start = first + (last - first) * _FIRST_SHARE if days is None else last - timedelta(days=days)
    if start <= first:
        raise DataError(
            f"a period of {days:g} days leaves nothing to train the first model on: the rows go from {first:%Y-%m-%d} "
            f"to {last:%Y-%m-%d}. Give fewer days"
        )
    return [start + (last - start) * number / batches for number in range(batches + 1)]


def _with_rows(spec: ModelSpec, history: History, ends: list[datetime]) -> tuple[datetime, ...]:
    """Join each batch without a matured row with the next one, and raise DataError if too few batches are left."""
    times = history.matured()[spec.source.event_time].to_numpy(dtype="datetime64[us]")
    moments = np.array([end.replace(tzinfo=None) for end in ends], dtype="datetime64[us]")
    rows = np.diff(np.searchsorted(times, moments, side="right"))
    kept = [ends[0], *(end for end, count in zip(ends[1:], rows, strict=True) if count)]
    if len(kept) - 1 < FEWEST_BATCHES:
        raise DataError(
            f"only {len(kept) - 1} of the {len(ends) - 1} batches from {ends[0]:%Y-%m-%d} to {ends[-1]:%Y-%m-%d} have "
            f"rows with labels that have matured, and {FEWEST_BATCHES} are needed: choose another period, or wait for "
            "more rows"
        )
    return tuple(kept)
