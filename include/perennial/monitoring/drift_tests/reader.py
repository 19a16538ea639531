"""Fetch rows, references and the champion's predictions for tests, each once per process."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from perennial.ensemble.model import EnsembleModel
from perennial.errors import ChampionUnusable, TrainingError
from perennial.models.bundle import features_of
from perennial.monitoring.drift_tests.champion_model import Scored, ask_members, score_rows, usable_bundle
from perennial.monitoring.drift_tests.compared import compared_values, sources
from perennial.monitoring.drift_tests.inputs import unlike
from perennial.monitoring.drift_tests.reference import Reference, load_reference
from perennial.monitoring.drift_tests.rows import SourceRows, as_frame, read_rows
from perennial.registry.bundles import recorded_manifest
from perennial.registry.records import Champion
from perennial.run import MonitorRun

if TYPE_CHECKING:
    from perennial.models.bundle import Bundle
    from perennial.models.manifest import Manifest
    from perennial.models.predictions import Predictions


class CheckReader:
    """Fetches things when they are first needed, and keeps them in memory: make one for each check.

    A task of the monitoring DAG fetches only what its one test needs; `perennial monitor`, which makes all tests in one
    process, fetches nothing twice. The cache's keys are the rows' key in the store, which names their content, and the
    champion's whole record, so results of different checks cannot be mixed.

    Parameters
    ----------
    run : MonitorRun
    """

    def __init__(self, run: MonitorRun) -> None:
        self.run = run
        self._columns: dict[str, dict[str, pd.Series]] = {}
        self._manifests: dict[Champion, Manifest] = {}
        self._made: dict[tuple[Champion, str], pd.DataFrame] = {}
        self._bundles: dict[Champion, Bundle] = {}
        self._answers: dict[tuple[Champion, str], Mapping[str, Predictions]] = {}
        self._scored: dict[tuple[Champion, str], Scored] = {}
        self._scored_by_twin: dict[tuple[Champion, str], Scored] = {}
        self._references: dict[Champion, Reference] = {}

    def hold(self, key: str, rows: SourceRows) -> None:
        """Add rows that were just stored under a key, so that they need not be read."""
        self._columns[key] = _columns_of(as_frame(rows.table))

    def rows(self, key: str, columns: Collection[str]) -> pd.DataFrame:
        """Return columns of stored rows, sorted by event time; columns that the rows lack are left out.

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

    def manifest(self, champion: Champion) -> Manifest:
        """Return the champion's manifest, by its record in the store."""
        if champion not in self._manifests:
            self._manifests[champion] = recorded_manifest(self.run, champion)
        return self._manifests[champion]

    def features(self, champion: Champion, key: str, names: Sequence[str]) -> pd.DataFrame:
        """Return what drift tests compare of the champion's features of stored rows; without columns in `unlike`.

        Parameters
        ----------
        champion : Champion
        key : str
            Key of the rows in the store.
        names : sequence of str
            Columns that `compared_columns` names.

        Raises
        ------
        Damaged
            The rows are gone from the store.
        ChampionUnusable
            The transform can no longer be imported, fails, or lacks columns that it reads.
        """
        manifest = self.manifest(champion)
        if manifest.transform is None or not names:
            like = [name for name in names if name not in self.unlike(champion, key, names)]
            return compared_values(manifest, self.rows(key, _features_of(manifest, like)), like)
        if (champion, key) not in self._made:
            inputs = self._inputs(champion, key)
            try:
                self._made[champion, key] = features_of(manifest, inputs)
            except TrainingError as error:
                raise ChampionUnusable(f"the features of {champion.name} cannot be made: {error}") from error
        return compared_values(manifest, self._made[champion, key], names)

    def unlike(self, champion: Champion, key: str, names: Sequence[str]) -> dict[str, str]:
        """Return, for each column of `names` whose feature stored rows lack or have in another type, what is wrong."""
        manifest = self.manifest(champion)
        if manifest.transform:
            return {}
        come_from = sources(manifest, names)
        features = _features_of(manifest, names)
        wrong = unlike(manifest.inputs, self.rows(key, features), features)
        return {column: wrong[feature] for column, feature in come_from.items() if feature in wrong}

    def _inputs(self, champion: Champion, key: str) -> pd.DataFrame:
        inputs = self.manifest(champion).inputs
        rows = self.rows(key, tuple(inputs))
        wrong = unlike(inputs, rows, tuple(inputs))
        if wrong:
            columns = "; ".join(f"{name}: {why}" for name, why in wrong.items())
            raise ChampionUnusable(f"{champion.name} cannot read these rows ({columns})")
        return rows

    def truth(self, champion: Champion, key: str) -> pd.Series:
        """Return the true labels or numbers of stored rows.

        Raises
        ------
        ChampionUnusable
            The champion has another target or task than the spec.
        """
        spec, manifest = self.run.spec, self.manifest(champion)
        if (manifest.task, manifest.target) != (spec.task, spec.target.column):
            raise ChampionUnusable(
                f"{champion.name} is a model of {manifest.task} for {manifest.target!r}, and the spec's is of "
                f"{spec.task} for {spec.target.column!r}"
            )
        return self.rows(key, [manifest.target])[manifest.target]

    def scored(self, champion: Champion, key: str) -> Scored:
        """Return the champion's predictions for stored rows.

        Raises
        ------
        Damaged
            The rows are gone from the store.
        BundleChanged
            The model's files are not those that were trained.
        ChampionUnusable
            The model cannot be loaded here, fails, or lacks columns that it reads.
        """
        if (champion, key) not in self._scored:
            together = self.ensemble(champion)
            self._scored[champion, key] = (
                score_rows(self._bundle(champion), self._inputs(champion, key), champion.name)
                if together is None
                else Scored(together.together(self.answers(champion, key)))
            )
        return self._scored[champion, key]

    def scored_by_twin(self, champion: Champion, key: str) -> Scored:
        """Return what the champion's judged twin predicts for stored rows: scores that compare with the reference's.

        Two models of one recipe give different scores to the same rows. Compared with each other, these would look like
        drift, most of all where a score has few values. Raises as `scored`.
        """
        bundle = self._bundle(champion)
        if bundle.twin is bundle.model:
            return self.scored(champion, key)
        if (champion, key) not in self._scored_by_twin:
            self._scored_by_twin[champion, key] = score_rows(bundle.twin, self._inputs(champion, key), champion.name)
        return self._scored_by_twin[champion, key]

    def ensemble(self, champion: Champion) -> EnsembleModel | None:
        """Return the champion's members that can be read, with their weights; None: it is one model.

        Raises the errors of `scored`.
        """
        model = self._bundle(champion).model if champion.weights else None
        return model if isinstance(model, EnsembleModel) else None

    def answers(self, champion: Champion, key: str) -> Mapping[str, Predictions]:
        """Return MLflow run of each member -> its own predictions for stored rows. Raises the errors of `scored`."""
        together = self.ensemble(champion)
        if together is not None and (champion, key) not in self._answers:
            self._answers[champion, key] = ask_members(together, self._inputs(champion, key), champion.name)
        return self._answers.get((champion, key), {})

    def _bundle(self, champion: Champion) -> Bundle:
        if champion not in self._bundles:
            self._bundles[champion] = usable_bundle(self.run, champion)
        return self._bundles[champion]

    def reference(self, champion: Champion) -> Reference:
        """Return the champion's reference; see `load_reference`."""
        if champion not in self._references:
            self._references[champion] = load_reference(self.run, champion)
        return self._references[champion]


def _features_of(manifest: Manifest, columns: Sequence[str]) -> list[str]:
    """Return the features that compared columns come from, each once."""
    return list(dict.fromkeys(sources(manifest, columns).values()))


def _columns_of(frame: pd.DataFrame) -> dict[str, pd.Series]:
    return {str(name): column for name, column in frame.items()}
