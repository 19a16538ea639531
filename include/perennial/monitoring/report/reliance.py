"""How much the champion relies on the columns that a check compares, as its retraining has measured it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perennial.explanations.read import read_explanations
from perennial.explanations.records import Importance
from perennial.monitoring.drift_tests.compared import sources
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.records import LedgerEntry
from perennial.printable import PrintableLog

log = PrintableLog(__name__)


@dataclass(frozen=True)
class Reliance:
    """The champion's importances by compared column; empty: it was not explained.

    Attributes
    ----------
    metric : str
        What gets worse without a column.
    by_column : mapping of str to Importance
        Column -> the importance of its feature, or of the group of features that it is in.
    """

    metric: str = ""
    by_column: Mapping[str, Importance] = field(default_factory=dict)

    def value(self, column: str) -> float:
        """Return by how much the metric gets worse without a column; 0 if it is not known, or if it gets no worse."""
        found = self.by_column.get(column)
        return max(0.0, found.candidate.value) if found is not None else 0.0


def reliance_of(reader: CheckReader, entry: LedgerEntry) -> Reliance:
    """Return how much the champion of a check relies on its columns. Never raises: the report does without."""
    champion = entry.check.champion
    columns = [column.column for result in entry.results for column in result.columns]
    if champion is None or champion.is_foreign or not columns:
        return Reliance()
    try:
        manifest = reader.manifest(champion)
        run_id = manifest.provenance.run_id
        found = read_explanations(reader.run.store, entry.model, run_id, champion.mlflow_run_id)
        come_from = sources(manifest, columns)
    except Exception as error:  # A missing figure must not fail the check, whatever the error.
        log.warning("the report of check %d does without importances", entry.sequence, exc_info=error)
        return Reliance()
    if found is None:
        return Reliance()
    known = {column: found.importance_of(feature) for column, feature in come_from.items()}
    return Reliance(found.metric, {column: one for column, one in known.items() if one is not None})
