"""The tests of rows whose labels have matured: the champion's losses row by row, and its metrics."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from perennial.data.weights import metric_weights
from perennial.drift import PageHinkley
from perennial.drift.loss_level import JUMP
from perennial.errors import ChampionUnusable
from perennial.evaluation.metrics import score
from perennial.evaluation.performance import PerformanceTest, measure_performance
from perennial.evaluation.slices.records import WatchedSlices
from perennial.models.predictions import Predictions
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.drift_tests.slice_tests import measure_matured_slices
from perennial.monitoring.records import DriftTestResult, OpenCheck
from perennial.monitoring.state import load_state
from perennial.registry.records import Champion
from perennial.spec.monitoring import FEWEST_MATURED_ROWS, DriftTestName


def losses_before_and_now(reader: CheckReader, check: OpenCheck) -> tuple[PageHinkley | None, np.ndarray, str]:
    """Return the detector before the check, the check's losses in event-time order, and why there are none.

    The detector is that of the state if it is for the same champion and settings, and a new one otherwise.
    """
    if check.champion is None or check.incomparable:
        return None, np.empty(0), check.incomparable or ""
    state, _ = load_state(reader.run.store, reader.run.spec.name)
    same = state.champion_version == check.champion.version and state.sequence < check.sequence
    try:
        reference = reader.reference(check.champion)
    except ChampionUnusable as reason:
        return (
            PageHinkley.from_state(state.page_hinkley) if same and state.page_hinkley else None,
            np.empty(0),
            str(reason),
        )
    if reference.detector is None:
        return None, np.empty(0), reference.no_detector
    detector = PageHinkley.from_state(reference.detector)
    if same and state.page_hinkley is not None:
        detector = _continued(detector, PageHinkley.from_state(state.page_hinkley))
    if check.matured is None:
        return detector, np.empty(0), "no labels have matured"
    try:
        truth = reader.truth(check.champion, check.matured)
        return detector, reader.scored(check.champion, check.matured).losses(truth), ""
    except ChampionUnusable as reason:
        # The detector keeps its state, and continues as soon as the champion can predict again.
        return detector, np.empty(0), str(reason)


def _continued(fresh: PageHinkley, kept: PageHinkley) -> PageHinkley:
    """Return the stored detector, unless the spec's settings of it have changed."""
    settings = ("delta", "threshold", "alpha", "min_instances", "mode", "center", "scale")
    alike = all(getattr(fresh.parameters, name) == getattr(kept.parameters, name) for name in settings)
    return kept if alike else fresh


def measure_losses(reader: CheckReader, check: OpenCheck) -> DriftTestResult:
    """Feed the losses of the matured rows to Page-Hinkley."""
    detector, losses, reason = losses_before_and_now(reader, check)
    state = detector.state() if detector else None
    if detector is None or not len(losses):
        return _not_tested("page_hinkley", reason, detector=state)
    ignored = detector.rows_ignored
    highest = float(np.nanmax(detector.trace(losses), initial=0.0))
    found = detector.update(losses)
    threshold = detector.parameters.threshold
    shift = (float(np.nanmean(losses)) - detector.parameters.center) / detector.parameters.scale
    left_out = detector.rows_ignored - ignored
    sentence = (
        f"page_hinkley: the loss changed at row {int(found[0]) + 1:,} of {len(losses):,}"
        if len(found)
        else f"page_hinkley: no change in {len(losses):,} losses"
    )
    return DriftTestResult(
        test="page_hinkley",
        status="fired" if len(found) else "quiet",
        sentence=f"{sentence}; highest statistic {highest:.1f} of {threshold:.1f}, "
        f"mean loss {shift:+.2f} deviations from the holdout's."
        + (f" {left_out:,} losses were not finite numbers and left out." if left_out else ""),
        figures={
            "rows": len(losses),
            "detections": len(found),
            "first_detection": int(found[0]) if len(found) else None,
            "highest_statistic": highest,
            "threshold": threshold,
            "over_threshold": highest / threshold,
            "mean_loss_shift": shift,
            "too_late_rows": check.too_late_rows,
        },
        detector=detector.state(),
    )


def measure_metrics(reader: CheckReader, check: OpenCheck) -> DriftTestResult:
    """Compare the champion's mean loss on the matured rows with that on the holdout, its metrics with the floors, and slices
    of the rows with both.
    """
    spec = reader.run.spec
    if check.champion is None or check.matured is None:
        return _not_tested("performance", check.incomparable or "no labels have matured")
    truth = reader.truth(check.champion, check.matured)
    scored = reader.scored(check.champion, check.matured)
    primary = spec.evaluation.primary
    weights = _weights(reader, check.matured)
    value = score(spec, truth.to_numpy(), scored.predictions, only=primary, weights=weights).metrics[primary]
    rise, no_rise = _rise(reader, check.champion, scored.losses(truth))
    floors = compare_with_floors(reader, check.matured, truth.to_numpy(), scored.predictions)
    slices = measure_matured_slices(reader, check.champion, check.matured)
    figures: dict[str, float | int | str | None] = {"rows": len(truth), primary: None if math.isnan(value) else value}
    figures |= {"mean_loss_rise": rise, "floors_breached": sum(floor.breached for floor in floors)}
    for floor in floors:
        figures |= {f"{floor.metric}_low": floor.low, f"{floor.metric}_high": floor.high}
    figures |= _slice_figures(slices)
    held_to_a_floor = slices is not None and slices.floor is not None and slices.judged > 0
    if rise is None and not floors and not held_to_a_floor:
        measured = f"{primary} {value:.4f} on {len(truth):,} rows"
        reason = f"{no_rise}, and the spec names no floor ({measured})"
        return _not_tested("performance", reason, figures=figures, slices=slices)
    level = no_rise if rise is None else f"mean loss {rise:+.2f} deviations from the holdout's ({JUMP:+.0f} fires)"
    parts = [level, *(floor.sentence for floor in floors), *([slices.sentence] if slices else [])]
    # A drop since the holdout is shown, but asks for nothing: at the level of a verdict it would be found by chance too often.
    fell = (rise is not None and rise >= JUMP) or any(floor.breached for floor in floors)
    fell = fell or (slices is not None and bool(slices.under_floor))
    status = "fired" if fell else "quiet" if all(floor.tested for floor in floors) else "not tested"
    sentence = f"performance: {'; '.join(parts)}."
    return DriftTestResult(test="performance", status=status, sentence=sentence, figures=figures, slices=slices)


def _slice_figures(slices: WatchedSlices | None) -> dict[str, float | int | str | None]:
    if slices is None:
        return {}
    return {
        "slices_judged": slices.judged,
        "slices_worse": len(slices.worse),
        "slices_under_floor": len(slices.under_floor),
    }


def compare_with_floors(
    reader: CheckReader, key: str, truth: np.ndarray, predictions: Predictions
) -> list[PerformanceTest]:
    """Compare predictions for stored rows with each floor of the spec."""
    spec = reader.run.spec
    wanted, entity = spec.watch.performance, spec.watch.drift.entity
    if wanted is None:
        return []
    rows = reader.rows(key, [spec.source.event_time, *([entity] if entity else [])])
    moments = rows[spec.source.event_time].astype("int64").to_numpy()
    entities = rows[entity].to_numpy(dtype=object) if entity in rows else None
    return [
        measure_performance(
            spec,
            truth,
            predictions,
            moments,
            entities,
            metric=metric,
            limit=limit,
            min_rows=wanted.min_rows,
            weights=_weights(reader, key),
        )
        for metric, limit in {**wanted.minimum, **wanted.maximum}.items()
    ]


def _weights(reader: CheckReader, key: str) -> npt.NDArray[np.float64] | None:
    """Return how much each stored row counts in metrics; None: all count the same."""
    column = reader.run.spec.weight_column
    return metric_weights(reader.run.spec, reader.rows(key, [column])) if column else None


def _rise(reader: CheckReader, champion: Champion, losses: np.ndarray) -> tuple[float | None, str]:
    """Return how far the mean loss lies above the holdout's, in deviations of a row's loss; or None, and why."""
    wanted = reader.run.spec.watch.performance
    min_rows = wanted.min_rows if wanted else FEWEST_MATURED_ROWS
    rows = int(np.isfinite(losses).sum())
    if rows < min_rows:
        return None, f"{rows:,} matured rows are fewer than {min_rows:,}"
    try:
        level = reader.reference(champion).level
    except ChampionUnusable as reason:
        return None, str(reason)
    if level is None:
        return None, "the losses on the holdout do not vary"
    return level.rise(losses), ""


def measure_volume_of_rows(reader: CheckReader, check: OpenCheck) -> DriftTestResult:
    """Compare the number of rows since the champion's training with the spec's limit."""
    wanted = reader.run.spec.watch.volume
    rows = check.rows_since_training
    if wanted is None or check.incomparable:
        return _not_tested("volume", check.incomparable or "the spec names no number")
    reached = rows >= wanted.rows
    return DriftTestResult(
        test="volume",
        status="fired" if reached else "quiet",
        sentence=f"volume: {rows:,} rows since the training, {wanted.rows:,} would trigger another.",
        figures={"rows_since_training": rows, "limit": wanted.rows},
    )


def _not_tested(
    name: DriftTestName,
    reason: str,
    *,
    figures: dict[str, float | int | str | None] | None = None,
    detector: dict[str, object] | None = None,
    slices: WatchedSlices | None = None,
) -> DriftTestResult:
    return DriftTestResult(
        test=name,
        status="not tested",
        sentence=f"{name}: not tested, {reason}.",
        figures=figures or {},
        detector=detector,
        slices=slices,
    )
