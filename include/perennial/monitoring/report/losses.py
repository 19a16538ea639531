"""The report's losses: what went through Page-Hinkley in a check, whenever the report is made."""

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
    """The losses of a check.

    Attributes
    ----------
    drawing : Markup or None
        SVG; None: there is none, and `missing` says why.
    calibration : str
        How the threshold was found, in words.
    missing : str
    """

    drawing: Markup | None = None
    calibration: str = ""
    missing: str = ""


def draw_check_losses(reader: CheckReader, entry: LedgerEntry) -> LossFigure:
    """Draw the losses that the check fed to Page-Hinkley; never raises: what cannot be drawn is said."""
    result = next((result for result in entry.results if result.test == "page_hinkley"), None)
    if result is None or result.status == "not tested":
        return LossFigure(missing=result.sentence if result else "The losses were not looked at.")
    try:
        return _draw(reader, entry)
    except Exception as error:  # A drawing is worth no failed check, whatever is wrong with it.
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
    """Return the detector as it stood before the check.

    From the ledger, not from the state: that is past the check once it is closed, and a report that is made again
    must show the same.
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
