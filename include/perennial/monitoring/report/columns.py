"""The figures of columns in the report: the reference's distribution and the batch's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from markupsafe import Markup

from perennial.drift.columns.column_test import ColumnTest
from perennial.drift.columns.report import ColumnDrift
from perennial.drift.statistics.floats import as_floats
from perennial.drift.statistics.labels import count_labels, label_of
from perennial.errors import PerennialError
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.drift_tests.reference import SCORE
from perennial.monitoring.records import LedgerEntry, OpenCheck
from perennial.monitoring.report.reliance import Reliance
from perennial.monitoring.report.svg import Steps, draw_distributions, draw_shares
from perennial.printable import PrintableLog
from perennial.spec.monitoring import DriftTestName

log = PrintableLog(__name__)

MOST_DRAWN = 12
_MOST_BARS = 10


@dataclass(frozen=True)
class ColumnFigure:
    """A column with its figures.

    Attributes
    ----------
    test : str
    column : ColumnDrift
    drawings : tuple of Markup
        Figures as SVG; empty if the column could not be drawn.
    """

    test: DriftTestName
    column: ColumnDrift
    drawings: tuple[Markup, ...] = ()


@dataclass(frozen=True)
class ColumnFigures:
    """The columns that the report draws: first those that the champion relies on most, then by effect.

    Attributes
    ----------
    drawn : sequence of ColumnFigure
        Columns that drifted; if none did, the one with the largest effect.
    more : sequence of str
        Further columns that drifted, which are not drawn.
    missing : str
        Why nothing is drawn; empty if there are figures.
    """

    drawn: Sequence[ColumnFigure] = ()
    more: Sequence[str] = ()
    missing: str = field(default="")


def ranked_columns(entry: LedgerEntry, reliance: Reliance) -> list[tuple[DriftTestName, ColumnDrift]]:
    """Return all columns of an entry with their tests.

    Columns that drifted come first, and among them the predictions, then those that the champion relies on most. Where that
    is not known, as among columns that did not drift, the largest effect comes first.
    """
    columns = [(result.test, column) for result in entry.results for column in result.columns]

    def rank(found: tuple[DriftTestName, ColumnDrift]) -> tuple[bool, float, float, str, str]:
        test, column = found
        relied = math.inf if test == "predictions" and reliance.by_column else reliance.value(column.column)
        return not column.drifted, -relied if column.drifted else 0.0, -_effect(column), test, column.column

    return sorted(columns, key=rank)


def draw_columns(reader: CheckReader, entry: LedgerEntry, reliance: Reliance) -> ColumnFigures:
    """Draw the columns that drifted. Never raises: the result says what could not be drawn."""
    ranked = [found for found in ranked_columns(entry, reliance) if found[1].drifted or found[1].tested]
    drifted = [found for found in ranked if found[1].drifted]
    chosen = drifted[:MOST_DRAWN] or ranked[:1]
    more = [column.column for _, column in drifted[MOST_DRAWN:]]
    if not chosen:
        return ColumnFigures()
    try:
        before, now = _distributions(reader, entry.check, chosen)
        drawn = [ColumnFigure(test, column, _draw(column, before[test], now[test])) for test, column in chosen]
    except Exception as error:  # A missing figure must not fail the check, whatever the error.
        log.warning("the report of check %d has no drawings of columns", entry.sequence, exc_info=error)
        return ColumnFigures([ColumnFigure(*found) for found in chosen], more, reason_of(error))
    return ColumnFigures(drawn, more)


def reason_of(error: Exception) -> str:
    """Return an error in words."""
    return str(error) if isinstance(error, PerennialError) else f"{type(error).__name__}: {error}"


def _distributions(
    reader: CheckReader, check: OpenCheck, chosen: Sequence[tuple[DriftTestName, ColumnDrift]]
) -> tuple[Mapping[DriftTestName, ColumnTest], Mapping[DriftTestName, pd.DataFrame]]:
    """Return for each test the prepared reference and the batch's chosen columns."""
    assert check.champion is not None and check.batch is not None  # noqa: S101, PT018 - or no column had been tested
    reference = reader.reference(check.champion)
    features = reader.features(
        check.champion, check.batch, [column.column for test, column in chosen if test != "predictions"]
    )
    now: dict[DriftTestName, pd.DataFrame] = {"ks": features, "categorical": features}
    if any(test == "predictions" for test, _ in chosen):
        now["predictions"] = pd.DataFrame({SCORE: reader.scored_by_twin(check.champion, check.batch).score})
    prepared: dict[DriftTestName, ColumnTest | None] = {
        "ks": reference.numeric,
        "categorical": reference.categorical,
        "predictions": reference.predictions,
    }
    return {name: test for name, test in prepared.items() if test is not None}, now


def _draw(column: ColumnDrift, before: ColumnTest, now: pd.DataFrame) -> tuple[Markup, ...]:
    drawings = []
    if column.tested and column.test == "chi_square":
        drawings.append(draw_shares(_shares(column, before, now[column.column])))
    elif column.tested:
        reference = Steps.of(*before.ecdf(column.column))
        batch = Steps.of_rows(as_floats(now[column.column], column.column))
        drawings.append(draw_distributions(reference, batch, location=column.location, distance=column.statistic))
    if column.missing.drifted:
        drawings.append(draw_shares([("missing", column.missing.reference, column.missing.current)]))
    # The SVG functions escape all text.
    return tuple(Markup(drawing) for drawing in drawings)  # noqa: S704


def _shares(column: ColumnDrift, before: ColumnTest, now: pd.Series) -> list[tuple[str, float, float]]:
    """Return the shares of the values that changed most, and that of all others together."""
    known = before.shares(column.column)
    counted, _ = count_labels(now)
    reference = pd.Series(known.values(), index=[label_of(value) for value in known], dtype=float)
    current = pd.Series(counted.counts / max(1, counted.n), index=counted.values.tolist(), dtype=float)
    shares = pd.DataFrame({"before": reference, "now": current}).fillna(0.0)
    changes = (shares["now"] - shares["before"]).abs()
    least = changes.nlargest(_MOST_BARS).min()
    # Sorted in Python, so that ties are always resolved in the same way; only candidates are sorted.
    near = changes[changes >= least]
    most = sorted(near.index, key=lambda label: (-near[label], label))[:_MOST_BARS] if len(near) else []
    if all(isinstance(value, float) for value in known):
        most.sort(key=_as_number)
    else:
        most.sort(key=lambda label: (-shares["before"][label], label))
    rows = [(label, float(shares["before"][label]), float(shares["now"][label])) for label in most]
    others = shares.drop(index=most)
    if len(others):
        rows.append((f"{len(others)} other values", *others.sum().tolist()))
    return rows


def _as_number(label: str) -> float:
    return float(label)


def _effect(column: ColumnDrift) -> float:
    return max(column.effect or 0.0, abs(column.missing.current - column.missing.reference))
