"""Examines a version before it becomes champion again: its files, its inputs, and its score on the newest labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from perennial.data.weights import metric_weights
from perennial.data.window import Bounds, just_after
from perennial.errors import DataError, PromotionError, TrainingError
from perennial.evaluation.comparison import compare
from perennial.moments import shifted
from perennial.monitoring.drift_tests.inputs import unlike
from perennial.monitoring.drift_tests.rows import ScannedSource, as_frame, with_inputs
from perennial.printable import PrintableLog
from perennial.promotion.wording import by_how_much, figures
from perennial.registry.bundles import load_champion
from perennial.registry.champions import current_champion, find_version
from perennial.rollback.records import Examination
from perennial.rollback.request import RollbackRequest, made_before, target_of
from perennial.spec.monitoring import FEWEST_MATURED_ROWS

if TYPE_CHECKING:
    import pandas as pd

    from perennial.evaluation.records import Comparison
    from perennial.models.bundle import Bundle
    from perennial.models.predictions import Predictions
    from perennial.registry.records import Champion
    from perennial.run import Run

log = PrintableLog(__name__)


@dataclass(frozen=True)
class _Found:
    sentence: str
    objections: tuple[str, ...] = ()


def examine(run: Run, request: RollbackRequest) -> Examination:
    """Find out whether a version can and should be champion again. Changes nothing.

    Its files must be those that were trained, its inputs must be in the source, and it must not score worse than the
    champion on the newest rows with labels: rows that neither has learnt from. Worse is what a candidate must not be
    either: by more than one standard error. If there are too few such rows, nothing is compared, since a bad champion
    must not have to stay until labels arrive.

    Parameters
    ----------
    run : Run
    request : RollbackRequest

    Raises
    ------
    PromotionError
        There is no such version, it is champion already, it cannot be loaded, or something speaks against it and the
        request does not force it.
    TrackingUnavailable, SourceUnavailable, StoreUnavailable
        A server does not answer.
    """
    name = run.spec.name
    made = made_before(run, request)
    if made is not None:
        return Examination(name=name, version=made[0], champion=made[1], sentence="The rollback was begun before.")
    champion = current_champion(run.store, run.tracking_uri, name)
    if champion is None:
        raise PromotionError(f"{name} has no champion, so there is nothing to roll back")
    number = target_of(run, request, champion.version)
    bundle, target = _loaded(run, number)
    found = _on_newest_labels(run, bundle, target, champion)
    if found.objections and not request.force:
        raise PromotionError(
            f"{name} is not rolled back to version {number}: {'; '.join(found.objections)}. To roll back in spite of "
            "it, force it: that is recorded"
        )
    log.info("version %s of %s: %s", number, name, found.sentence)
    return Examination(
        name=name, version=number, champion=champion.version, sentence=found.sentence, objections=found.objections
    )


def _loaded(run: Run, number: str) -> tuple[Bundle, Champion]:
    """Load a version as a champion is loaded, which compares its files with what was recorded."""
    target = find_version(run.store, run.tracking_uri, run.spec.name, number)
    if target is None:
        raise PromotionError(f"version {number} of {run.spec.name} is no longer in the registry")
    try:
        return load_champion(run, target), target
    except TrainingError as error:
        raise PromotionError(f"version {number} of {run.spec.name} cannot be champion again: {error}") from error


def _on_newest_labels(run: Run, bundle: Bundle, target: Champion, champion: Champion) -> _Found:
    spec, manifest = run.spec, bundle.manifest
    if (manifest.task, manifest.target) != (spec.task, spec.target.column):
        other = f"it is a model of {manifest.task} for {manifest.target!r}, and the spec asks for another"
        return _Found("They were not compared.", (other,))
    served, why_not = _champions_bundle(run, champion)
    inputs = {**(served.manifest.inputs if served else {}), **manifest.inputs}
    try:
        rows, after = _newest_labelled(run, inputs, target, champion)
    except DataError as error:
        if error.retryable:
            raise
        return _Found("They were not compared.", (f"the source cannot be read as the spec says: {error}",))
    wrong = unlike(manifest.inputs, rows, tuple(manifest.inputs))
    if wrong:
        columns = "; ".join(f"{name}: {why}" for name, why in wrong.items())
        return _Found("They were not compared.", (f"it reads columns that the source lacks ({columns})",))
    fewest = spec.watch.performance.min_rows if spec.watch.performance else FEWEST_MATURED_ROWS
    where = f"labelled rows after {after:%Y-%m-%d %H:%M} UTC, from which neither has learnt"
    if len(rows) < fewest:
        return _Found(f"They were not compared: there are {len(rows):,} {where}, fewer than {fewest:,}.")
    try:
        answers = bundle.predict(rows)
    except (ValueError, TypeError) as error:
        return _Found("They were not compared.", (f"it fails on {len(rows):,} {where}: {error}",))
    if served is None:
        return _Found(f"They were not compared: {why_not}.")
    try:
        found = _compared(run, rows, answers, served.predict(rows))
    except (KeyError, ValueError, TypeError) as error:
        return _Found(f"They were not compared: the champion fails on {len(rows):,} {where}: {error}.")
    return _judged(found, target, champion, where)


def _champions_bundle(run: Run, champion: Champion) -> tuple[Bundle | None, str]:
    """Return the champion's bundle, or why it cannot be loaded: then it is high time to go back."""
    try:
        return load_champion(run, champion), ""
    except TrainingError as error:
        return None, f"the champion cannot be loaded: {error}"


def _newest_labelled(
    run: Run, inputs: dict[str, str], target: Champion, champion: Champion
) -> tuple[pd.DataFrame, datetime]:
    """Return the rows whose labels have matured and from which neither model has learnt, and what they come after."""
    spec = run.spec
    source = ScannedSource(run)
    learnt = [moment for moment in (target.train_end, champion.train_end) if moment is not None]
    newest = (run.as_of or source.summary.end or max(learnt)).astimezone(UTC)
    until, after = shifted(newest, -timedelta(days=spec.target.label_delay_days)), max(learnt)
    rows = source.read(with_inputs(spec, inputs), Bounds(just_after(after), max(until, after)), inputs)
    frame = as_frame(rows.table)
    return frame[frame[spec.target.column].notna()], after


def _compared(run: Run, rows: pd.DataFrame, answers: Predictions, champions: Predictions) -> Comparison:
    spec = run.spec
    entity = spec.watch.drift.entity
    return compare(
        spec,
        rows[spec.target.column].to_numpy(),
        answers,
        champions,
        rows[spec.source.event_time].astype("int64").to_numpy(),
        entity=rows[entity].to_numpy(dtype=object) if entity in rows else None,
        weights=metric_weights(spec, rows),
    )


def _judged(found: Comparison, target: Champion, champion: Champion, where: str) -> _Found:
    ours, theirs = figures(found.candidate, found.champion)
    if not math.isfinite(found.difference):
        return _Found(f"They were not compared: {found.reason}.")
    sentence = (
        f"{found.metric} {ours} of version {target.version} and {theirs} of version {champion.version} on {found.rows:,} "
        f"{where}: {by_how_much(found)}."
    )
    noise = found.standard_error if math.isfinite(found.standard_error) else 0.0
    worse = found.difference < -noise
    return _Found(sentence, (f"it scores worse than the champion: {sentence[:-1]}",) if worse else ())
