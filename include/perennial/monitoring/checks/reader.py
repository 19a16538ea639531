"""What the checks of one process look at: rows, references and the champion's answers, each fetched once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from perennial.models.transform import features_of
from perennial.monitoring.checks.champion_model import Scored, load_champion, score_rows
from perennial.monitoring.checks.reference import Reference, load_reference
from perennial.monitoring.checks.rows import SourceRows, as_frame, read_rows
from perennial.registry.records import Champion
from perennial.run import MonitorRun

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


class CheckReader:
    """Fetches when first asked, and holds what it has fetched for as long as it lives: make one for each check.

    A task of the sensor DAG fetches with it what its one test needs and no more; `perennial monitor`, which makes all
    tests in one process, fetches nothing twice. What is held goes by the rows' key in the store, which names their
    content, and by the champion with all that is known of it, so that it cannot be another check's.

    Parameters
    ----------
    run : MonitorRun
    """

    def __init__(self, run: MonitorRun) -> None:
        self.run = run
        self._columns: dict[str, dict[str, pd.Series]] = {}
        self._made: dict[str, pd.DataFrame] = {}
        self._models: dict[Champion, Pipeline] = {}
        self._scored: dict[tuple[Champion, str], Scored] = {}
        self._references: dict[Champion, Reference] = {}

    def hold(self, key: str, rows: SourceRows) -> None:
        """Take rows that were kept under a key just now, so that they need not be read."""
        self._columns[key] = _columns_of(as_frame(rows.table))

    def rows(self, key: str, columns: Collection[str]) -> pd.DataFrame:
        """Return columns of kept rows in the order of their event times; one that the rows lack is left out.

        Raises
        ------
        DataError
            The rows are gone from the store.
        """
        cached = self._columns.setdefault(key, {})
        absent = [name for name in columns if name not in cached]
        if absent:
            cached.update(_columns_of(read_rows(self.run.store, key, columns=absent)))
        return pd.DataFrame({name: cached[name] for name in columns if name in cached}, copy=False)

    def features(self, key: str, names: Sequence[str]) -> pd.DataFrame:
        """Return features of kept rows, made by the spec's transform if it has one.

        Raises
        ------
        DataError
            The rows are gone from the store.
        TrainingError
            The transform fails.
        """
        features = self.run.spec.features
        if features.transform is None or not names:
            return self.rows(key, names)[list(names)]
        if key not in self._made:
            self._made[key] = features_of(self.run.spec, self.rows(key, features.input_columns))
        return self._made[key][list(names)]

    def scored(self, champion: Champion, key: str) -> Scored:
        """Return the champion's answers for kept rows.

        Raises
        ------
        DataError
            The rows are gone from the store, or lack a column that the model reads.
        TrainingError
            The model's file is damaged, or holds types that the spec does not trust.
        """
        if (champion, key) not in self._scored:
            if champion not in self._models:
                self._models[champion] = load_champion(self.run, champion)
            model = self._models[champion]
            rows = self.rows(key, [str(name) for name in model.feature_names_in_])
            self._scored[champion, key] = score_rows(model, rows)
        return self._scored[champion, key]

    def reference(self, champion: Champion) -> Reference:
        """Return the champion's reference; see `load_reference`."""
        if champion not in self._references:
            self._references[champion] = load_reference(self.run, champion)
        return self._references[champion]


def _columns_of(frame: pd.DataFrame) -> dict[str, pd.Series]:
    return {str(name): column for name, column in frame.items()}
