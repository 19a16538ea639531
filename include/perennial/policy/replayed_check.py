"""A check in the past: gives the drift tests the rows of one batch, as the monitoring DAG would have given them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import cast

import pandas as pd

from perennial.digests import recipe_digest
from perennial.drift import ChiSquare, KolmogorovSmirnov
from perennial.drift.charts.control_chart import ControlChart
from perennial.drift.loss_level import LossLevel
from perennial.models.manifest import Manifest, features_in
from perennial.models.provenance import Provenance
from perennial.monitoring.drift_tests.champion_model import Scored
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.drift_tests.reference import (
    CATEGORICAL,
    NUMERIC,
    SCORE,
    Reference,
    feature_charts,
    feature_tests,
    loss_detector,
)
from perennial.monitoring.records import OpenCheck
from perennial.policy.matrix import Matrix, Together
from perennial.policy.replay import Replay
from perennial.policy.replayed_model import in_window
from perennial.registry.records import Champion
from perennial.run import MonitorRun

_NO_DETECTOR = {"detector": None, "no_detector": "it is not among the triggers"}
_TYPES = {"float64": "double", "int64": "int64", "str": "string", "object": "string"}


class ReplayedReader(CheckReader):
    """A `CheckReader` that reads from a matrix and fetches nothing.

    Parameters
    ----------
    run : MonitorRun
        Its store holds only the state of this replay.
    replay : Replay
    matrix : Matrix
    refit : bool
        True: the served models predict.
    references : dict
        References made before, by version and whether they have a detector.
    """

    def __init__(
        self,
        run: MonitorRun,
        replay: Replay,
        matrix: Matrix,
        *,
        refit: bool,
        references: dict[tuple[str, bool], Reference],
    ) -> None:
        super().__init__(run)
        self._made_before = references
        self._replay = replay
        self._matrix = matrix
        self._refit = refit

    def champion(self, number: int) -> Champion:
        """Return the champion that a model of the replay would have been."""
        plan = self._matrix.models[number].split
        assert plan is not None  # noqa: S101 - a training that failed is never promoted
        name = f"{self._replay.digest}-{number}"
        learnt_until = plan.holdout_end if self._refit else plan.train_end
        return Champion(
            version=str(number), mlflow_run_id=name, bundle_digest=name, snapshot_digest=name, train_end=learnt_until
        )

    def check(self, batch: int, number: int) -> OpenCheck:
        """Return the check of a batch with a champion."""
        matrix, spec = self._matrix, self.run.spec
        rows = matrix.batch(batch)
        first, last = matrix.newest[batch].tolist()
        matured = slice(max(first, matrix.unseen(number, refit=self._refit)), last)
        end, begin = self._replay.ends[batch], self._replay.ends[batch - 1]
        count = max(0, matured.stop - matured.start)
        return OpenCheck(
            model=spec.name,
            sequence=batch,
            as_of=end,
            watched_as="",
            champion=self.champion(number),
            cursor=begin,
            cursor_after=end,
            batch=_key(rows) if rows.stop > rows.start else None,
            rows=rows.stop - rows.start,
            late_rows=0,
            matured=_key(matured) if count else None,
            matured_rows=count,
            matured_until=end - timedelta(days=spec.target.label_delay_days),
            too_late_rows=0,
            seen=None,
            rows_since_training=int(rows.stop - matrix.edges[number]),
        )

    def rows(self, key: str, columns: Collection[str]) -> pd.DataFrame:
        """Return columns of a batch's rows; see CheckReader."""
        rows = self._matrix.rows.iloc[_slice(key)]
        return rows[[name for name in columns if name in rows]].reset_index(drop=True)

    def manifest(self, champion: Champion) -> Manifest:
        """Return the manifest that a model of the replay would have."""
        if champion not in self._manifests:
            self._manifests[champion] = _manifest(self.run, self._replay, self._matrix, int(champion.version))
        return self._manifests[champion]

    def scored(self, champion: Champion, key: str) -> Scored:
        """Return the champion's predictions for a batch's rows."""
        alone = Together((int(champion.version),), (1.0,), self._refit)
        return Scored(self._matrix.predictions(alone, _slice(key)))

    def scored_by_twin(self, champion: Champion, key: str) -> Scored:
        """Return the predictions of the champion's twin for a batch's rows."""
        twin = Together((int(champion.version),), (1.0,), refit=False)
        return Scored(self._matrix.predictions(twin, _slice(key)))

    def reference(self, champion: Champion) -> Reference:
        """Return the reference of the champion's batches, made as in production."""
        # Calibrating a detector takes longer than all else, so it is made only if it is among the triggers.
        key = (champion.version, "page_hinkley" in self.run.spec.retraining.triggers)
        if key not in self._made_before:
            self._made_before[key] = self._made_reference(champion, with_detector=key[1])
        return self._made_before[key]

    def _made_reference(self, champion: Champion, *, with_detector: bool) -> Reference:
        matrix, watch, number = self._matrix, self.run.spec.watch, int(champion.version)
        manifest = self.manifest(champion)
        plan = manifest.split
        learnt_until = plan.holdout_end if self._refit else plan.train_end
        window = in_window(
            matrix.rows.iloc[: matrix.models[number].served_from], self.run.spec, self._replay.ends[number]
        )
        learnt = window[window[plan.event_time] <= learnt_until].reset_index(drop=True)
        tests = feature_tests(watch, manifest, learnt, champion)
        held_out = slice(matrix.models[number].twin_from, matrix.models[number].served_from)
        twin = Scored(matrix.predictions(Together((number,), (1.0,), refit=False), held_out))
        rows = matrix.rows.iloc[held_out]
        losses = twin.losses(rows[plan.target])
        scores = pd.DataFrame({SCORE: twin.score})
        charts = feature_charts(watch, manifest, window.reset_index(drop=True), champion)
        return Reference(
            folder=champion.bundle_digest,
            numeric=cast(KolmogorovSmirnov, tests[NUMERIC]),
            categorical=cast(ChiSquare, tests[CATEGORICAL]),
            no_features="",
            predictions=KolmogorovSmirnov.fit(scores, columns=[SCORE]),
            charts={**charts, "predictions": ControlChart.of_numbers(scores, [SCORE])},
            level=LossLevel.of(losses),
            slices=None,
            **(loss_detector(watch, losses, rows[plan.event_time]) if with_detector else _NO_DETECTOR),
        )


def _key(rows: slice) -> str:
    return f"{rows.start}:{rows.stop}"


def _slice(key: str) -> slice:
    start, stop = map(int, key.split(":"))
    return slice(start, stop)


def _manifest(run: MonitorRun, replay: Replay, matrix: Matrix, number: int) -> Manifest:
    spec, model = run.spec, matrix.models[number]
    assert model.split is not None  # noqa: S101 - a training that failed is never promoted
    features = spec.features
    return Manifest(
        format="replay",
        format_version=1,
        files={},
        task=spec.task,
        target=spec.target.column,
        labels=model.served_classes,
        positive=spec.target.positive,
        inputs={name: _TYPES.get(str(matrix.rows[name].dtype), "string") for name in features.input_columns},
        features=features_in(features),
        transform=features.transform,
        types=(),
        split=model.split,
        recipe="",
        provenance=Provenance(
            run_id=f"{replay.digest}-{number}",
            snapshot_digest=replay.digest,
            recipe_digest=recipe_digest(spec),
            transform_digest="",
            libraries={},
            code_version="",
            system="",
            triggered_by="replay",
            reason="",
            train_end=model.split.train_end,
            data_end=replay.ends[number],
        ),
        baseline_scores={},
    )
