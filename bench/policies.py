"""Replays retraining policies on streams: calendars, gates, refits, champions together and drift triggers.

python bench/policies.py [--streams FOLDER] [--every N] [--without-bags] replays the demo's year with two targets and
all streams of a folder (`<name>.csv.gz` and `specs/<name>.yaml`): the first quarter of the rows is known, the rest
comes in 15 equal batches. It prints a table for each stream, then which of the expected bounds hold, and then
puts abrupt changes into the folder's streams (abrupt.py).
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from perennial.cli.backtest import trained_models
from perennial.data.split import labelled_rows
from perennial.deployment import Deployment
from perennial.ensemble.mean import weighted_mean
from perennial.policy.backtest import hindsight
from perennial.policy.figures import difference, mean_by_batch, overall
from perennial.policy.history import History, read_history
from perennial.policy.loss_detectors import LossDetector, installed_detectors
from perennial.policy.matrix import Matrix
from perennial.policy.policies import Policy, calendars, drift_triggers, follow
from perennial.policy.records import Difference
from perennial.policy.replay import Replay, begin_replay, rows_of
from perennial.policy.replayed_model import in_window
from perennial.policy.walk import Serving
from perennial.run import Run
from perennial.spec import ModelSpec
from perennial.spec.metrics import LOWER_IS_BETTER
from perennial.spec.reading.loader import find_spec
from perennial.store.local import LocalStore
from perennial.training.fit import prepare_fit

BATCHES, MEMBERS, BAGS = 15, 10, 7
INTERVALS = (1, 2, 4)
SERVINGS = {
    "no gate": Serving(gate="none", refit=False),
    "old gate": Serving(gate=0.0, refit=False),
    "new gate": Serving(gate="noise", refit=False),
    "no gate, refit": Serving(gate="none"),
    "new gate, refit": Serving(gate="noise"),
    "together": Serving(gate="noise", members=MEMBERS),
}
FLIGHTS: dict[str, dict[str, Any]] = {
    "late": {
        "task": "classification",
        "features": {"numeric": ["hour", "day_of_week", "distance", "temp", "dewp", "wind_speed", "precip", "visib"],
                     "categorical": ["carrier", "origin"]},
        "primary": "roc_auc",
    },
    "humid": {
        "task": "regression",
        "features": {"numeric": ["hour", "temp", "wind_speed", "precip", "visib", "pressure"], "categorical": ["origin"]},
        "primary": "rmse",
    },
}  # fmt: skip


@dataclass
class Stream:
    """Scores of each policy on each batch of one stream, and its cost."""

    name: str
    metric: str
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    costs: dict[str, tuple[float, float]] = field(default_factory=dict)

    def against(self, policy: str, other: str) -> Difference:
        return difference(self.scores[policy], self.scores[other], greater_is_better=self.metric not in LOWER_IS_BETTER)

    def share(self, policy: str) -> float:
        """Return the policy's share of the gain of training after every batch, without gate and refit, over never.

        NaN if that gain is not larger than its standard error.
        """
        always = self.against("every 1, no gate", "never")
        return self.against(policy, "never").mean / always.mean if always.mean > always.standard_error else float("nan")


def streams_of(folder: Path, work: Path) -> Iterator[tuple[ModelSpec, Path]]:
    for packed in sorted(folder.glob("*.csv.gz")):
        name = packed.name.removesuffix(".csv.gz")
        spec = find_spec(str(folder / "specs" / f"{name}.yaml"), folder / "specs")
        rows = work / name / str(spec.source.uri) / f"{name}.csv"
        rows.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(packed) as read, rows.open("wb") as written:
            shutil.copyfileobj(read, written)
        yield spec, work / name


def flights(work: Path, every: int) -> Iterator[tuple[ModelSpec, Path]]:
    from demo.flights import month_of_flights

    year = pd.concat([month_of_flights(month) for month in range(1, 13)]).iloc[::every]
    for target, about in FLIGHTS.items():
        folder = work / f"flights_{target}"
        (folder / "flights").mkdir(parents=True, exist_ok=True)
        year.to_parquet(folder / "flights" / "year.parquet")
        yield _flight_spec(target, about), folder


def _flight_spec(target: str, about: dict[str, Any]) -> ModelSpec:
    kind = "Classifier" if about["task"] == "classification" else "Regressor"
    return ModelSpec.model_validate(
        {
            "name": f"flights_{target}",
            "task": about["task"],
            "source": {"uri": "flights/", "event_time": "event_time", "window": {"days": 90}},
            "target": {"column": target, "label_delay_days": 1},
            "features": about["features"],
            "model": {"estimator": f"sklearn.ensemble.HistGradientBoosting{kind}"},
            "evaluation": {"holdout": {"days": 14}, "primary": about["primary"]},
            "monitoring": {},
        }
    )


def replay_stream(spec: ModelSpec, folder: Path, *, bags: bool) -> Stream:
    store = LocalStore(folder / "store")
    run = Run(
        spec=spec,
        deployment=Deployment(store=store, tracking_uri="", data_root=folder),
        now=datetime.now(UTC),
    )
    times = read_history(run).times
    last = np.linspace(len(times) // 4, len(times), BATCHES + 1).astype(int) - 1
    replay = begin_replay(run, ends=[pd.Timestamp(moment, tz="UTC").to_pydatetime() for moment in times[last]])
    models = {model.number: model for model in trained_models(run, replay, None)}
    history = rows_of(run, replay)
    matrix = Matrix.of(run, replay, history, [models[number] for number in range(replay.batches)])
    stream = Stream(spec.name, spec.evaluation.primary)
    for label, policy in policies(spec, replay, matrix):
        walks = follow(matrix, policy)
        stream.scores[label] = mean_by_batch([walk.scores for walk in walks])
        stream.costs[label] = (
            float(np.mean([len(walk.trained) for walk in walks])),
            float(np.mean([walk.cpu_seconds for walk in walks])),
        )
    if bags:
        began = time.process_time()
        stream.scores["every 1, seven bags"] = bagged(spec, replay, matrix, history)
        stream.costs["every 1, seven bags"] = (BAGS * (BATCHES - 1), time.process_time() - began)
    best = hindsight(matrix, replay, SERVINGS["no gate, refit"], stream.scores["never"], stream.scores["never"])
    stream.scores["hindsight, refit"] = np.array(best.scores)
    stream.costs["hindsight, refit"] = (best.trainings, float("nan"))
    return stream


def policies(spec: ModelSpec, replay: Replay, matrix: Matrix) -> Iterator[tuple[str, Policy]]:
    yield "never", next(calendars(SERVINGS["no gate"]))
    for label, serving in SERVINGS.items():
        for policy in calendars(serving, INTERVALS):
            if policy.name != "never":
                yield f"every {len(policy.phases)}, {label}", policy
    serving = SERVINGS["new gate, refit"]
    for policy in drift_triggers(spec, replay, matrix, serving, [spec.retraining.triggers]):
        yield "our triggers", policy
    drift = spec.watch.drift.model_copy(update={"level": 0.05, "effect_floor": 0.0})
    once = spec.watch.require.model_copy(update={"checks": 1, "of": 1})
    plain = spec.model_copy(
        update={
            "monitoring": spec.watch.model_copy(update={"drift": drift, "require": once}),
            "retraining": spec.retraining.model_copy(update={"cooldown_days": 0.0}),
        }
    )
    for policy in drift_triggers(plain, replay, matrix, serving, [("ks",)]):
        yield "KS 0.05", policy
    for name, make in installed_detectors().items():
        schedule = _detector(matrix, serving.refit, make)
        yield f"river's {make.__name__}", Policy(name, name, "test", serving, (schedule,))


def _detector(matrix: Matrix, refit: bool, make: type[Any]) -> Any:
    return lambda _: LossDetector(matrix, refit, make)


def bagged(spec: ModelSpec, replay: Replay, matrix: Matrix, history: History) -> np.ndarray:
    """Score each batch by the mean of models of bootstrap samples of the newest window, without past models."""
    scores = []
    for number, model in enumerate(matrix.models):
        window = in_window(history.known_at(replay.ends[number]), spec, replay.ends[number])
        learnt = labelled_rows(window, model.split, spec.task)
        rows, said = matrix.batch(number + 1), []
        for bag in range(BAGS):
            fit = prepare_fit(spec, learnt.sample(frac=1, replace=True, random_state=bag).reset_index(drop=True))
            fit.run()
            said.append(fit.model.predict(matrix.rows.iloc[rows]))
        scores.append(matrix.measure(weighted_mean(said, np.ones(BAGS)), rows))
    return np.array(scores)


def print_table(stream: Stream) -> None:
    print(f"\n{stream.name} ({stream.metric})")
    print(f"{'policy':<26}{'score':>9}{'share':>8}{'vs never':>20}{'trainings':>11}{'CPU s':>8}")
    for policy, scores in stream.scores.items():
        gain, (trainings, seconds) = stream.against(policy, "never"), stream.costs[policy]
        error = f"{gain.mean:+.4g} ± {gain.standard_error:.2g}"
        print(
            f"{policy:<26}{overall(scores):>9.4g}{stream.share(policy):>8.2f}{error:>20}{trainings:>11.1f}{seconds:>8.1f}"
        )


def print_bounds(streams: list[Stream]) -> None:
    print("\ndifferences in standard errors by batch")
    for every in INTERVALS:
        new, together = f"every {every}, new gate, refit", f"every {every}, together"
        for other in (f"every {every}, no gate", f"every {every}, no gate, refit", f"every {every}, old gate"):
            _bound(streams, new, other, "no worse than two standard errors anywhere, better in the mean")
        _bound(streams, together, new, "no worse than two standard errors anywhere, better by two on most", most=True)
    _bound(streams, "every 2, together", "every 1, new gate, refit", "at least as good in the mean", anywhere=False)


def _bound(
    streams: list[Stream], policy: str, other: str, asked: str, *, most: bool = False, anywhere: bool = True
) -> None:
    found = [stream.against(policy, other) for stream in streams]
    errors = np.array([gain.mean / gain.standard_error if gain.standard_error else 0.0 for gain in found])
    holds = (not anywhere or bool((errors >= -2).all())) and (
        bool((errors >= 2).sum() > len(errors) / 2) if most else bool(errors.mean() >= 0)
    )
    each = ", ".join(f"{stream.name} {error:+.1f}" for stream, error in zip(streams, errors, strict=True))
    print(f"{'holds' if holds else 'NOT  '} {policy} against {other}: {asked}\n      {each}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=Path, help="folder of prepared streams")
    parser.add_argument("--every", type=int, default=4, help="take every N-th flight of the demo's year; 0: none")
    parser.add_argument("--without-bags", action="store_true", help="leave out the control of plain averaging")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        found = [
            *(streams_of(arguments.streams, Path(work)) if arguments.streams else ()),
            *(flights(Path(work), arguments.every) if arguments.every else ()),
        ]
        streams = []
        for spec, folder in found:
            streams.append(replay_stream(spec, folder, bags=not arguments.without_bags))
            print_table(streams[-1])
    print_bounds(streams)
    if arguments.streams:
        sys.stdout.flush()
        abrupt = Path(__file__).with_name("abrupt.py")
        subprocess.run([sys.executable, str(abrupt), str(arguments.streams)], check=True)


if __name__ == "__main__":
    main()
