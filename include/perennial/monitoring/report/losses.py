"""The figure of losses in the report: what the check fed to Page-Hinkley. Later reports give the same figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from perennial.drift import PageHinkley
from perennial.monitoring import ledger
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.records import LedgerEntry
from perennial.monitoring.report.columns import reason_of
from perennial.monitoring.report.svg import draw_losses
from perennial.printable import PrintableLog
from perennial.registry.records import Champion

log = PrintableLog(__name__)

_MOST_DETECTIONS = 5


@dataclass(frozen=True)
class LossFigure:
    """The figure of a check's losses.

    Attributes
    ----------
    drawing : Markup or None
        Figure as SVG; None: `missing` says why there is none.
    calibration : str
        The calibration of the threshold in words.
    missing : str
    """

    drawing: Markup | None = None
    calibration: str = ""
    missing: str = ""


def draw_check_losses(reader: CheckReader, entry: LedgerEntry) -> LossFigure:
    """Draw the losses that the check fed to Page-Hinkley. Never raises: the result says what could not be drawn."""
    result = next((result for result in entry.results if result.test == "page_hinkley"), None)
    if result is None or result.status == "not tested":
        return LossFigure(missing=result.sentence if result else "The losses were not looked at.")
    try:
        return _draw(reader, entry)
    except Exception as error:  # A missing figure must not fail the check, whatever the error.
        log.warning("the report of check %d has no drawing of losses", entry.sequence, exc_info=error)
        return LossFigure(missing=f"The losses cannot be drawn: {reason_of(error)}")


def _draw(reader: CheckReader, entry: LedgerEntry) -> LossFigure:
    champion, matured = entry.check.champion, entry.check.matured
    assert champion is not None and matured is not None  # noqa: S101, PT018 - or nothing had been tested
    detector = PageHinkley.from_state(_detector_before(reader, entry, champion))
    spec = reader.run.spec
    rows = reader.rows(matured, [spec.source.event_time])
    losses = reader.scored(champion, matured).losses(reader.truth(champion, matured))
    statistic = detector.trace(losses)
    times = rows[spec.source.event_time]
    drawing = draw_losses(
        losses,
        statistic,
        center=detector.parameters.center,
        threshold=detector.parameters.threshold,
        detections=detector.update(losses).tolist()[:_MOST_DETECTIONS],
        ends=(_day(times.iloc[0]), _day(times.iloc[-1])),
    )
    calibration = detector.calibration.sentence if detector.calibration else ""
    return LossFigure(drawing=Markup(drawing), calibration=calibration)  # noqa: S704 - the drawing escapes its texts


def _detector_before(reader: CheckReader, entry: LedgerEntry, champion: Champion) -> dict[str, Any]:
    """Return the detector's state before the check.

    It is read from the ledger: the current state is already that after the check once the check is closed, and a report
    that is made again must show the same.
    """
    for earlier in ledger.entries_before(reader.run.store, entry.model, entry.sequence):
        if earlier.decision.outcome == "coalesce":
            continue
        watched = earlier.check.champion
        kept = next((result.detector for result in earlier.results if result.test == "page_hinkley"), None)
        if watched is not None and watched.version == champion.version and kept is not None:
            return kept
        break
    fresh = reader.reference(champion).detector
    assert fresh is not None  # noqa: S101 - or nothing had been tested
    return fresh


def _day(moment: pd.Timestamp) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
