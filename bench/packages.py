"""The seconds of packaging and rehearsal, beside those of the training, in one retraining of the demo's model.

    python -m bench.packages

Rows of January and February; the first champion. The model of `dags/models/flight_delay.yaml` is packaged as a wheel and as a
container's context; a logistic regression on the same rows also as ONNX, which is not made of boosted trees with categories. MLflow is a
SQLite file. Prints the seconds of each stage and the ratio of `package` and `rehearse` together to `train` and `refit` together; there is
no limit, since what is packaged is the spec's to say.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.flights import month_of_flights
from perennial.deployment import Deployment
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec, load_spec
from perennial.stages import STAGES
from perennial.store import LocalStore

DEMO = Path(__file__).parents[1] / "dags" / "models" / "flight_delay.yaml"
LOGISTIC = {"estimator": "sklearn.linear_model.LogisticRegression", "params": {"max_iter": 300}, "seed": 1}


def main() -> None:
    # ONNX's difference is not 0, which the demo asks of its wheel.
    content = load_spec(DEMO).model_dump(exclude_unset=True) | {"rehearsal": {}}
    cases: list[tuple[str, dict[str, Any]]] = [
        ("the demo's model", {"packages": ["wheel", "container"]}),
        ("a logistic regression", {"model": LOGISTIC, "packages": ["onnx", "wheel", "container"]}),
    ]
    for name, fields in cases:
        with tempfile.TemporaryDirectory() as folder:
            seconds = retrain(run_in(Path(folder), ModelSpec.model_validate(content | fields)))
        for stage in ("train", "refit", "package", "rehearse"):
            print(f"{name}: {stage:<9}{seconds[stage]:7.1f} s")
        ratio = (seconds["package"] + seconds["rehearse"]) / (seconds["train"] + seconds["refit"])
        print(f"{name}: {', '.join(fields['packages'])}: {ratio:.2f} of train and refit", flush=True)


def run_in(folder: Path, spec: ModelSpec) -> RetrainingRun:
    (folder / "data" / "flights").mkdir(parents=True)
    for month in (1, 2):
        month_of_flights(month).to_parquet(folder / "data" / "flights" / f"{month}.parquet")
    deployment = Deployment(
        store=LocalStore(folder / "store"),
        tracking_uri=f"sqlite:///{folder}/mlflow.db",
        data_root=folder / "data",
    )
    return RetrainingRun(spec=spec, deployment=deployment, now=datetime.now(UTC), run_id="bench")


def retrain(run: RetrainingRun) -> dict[str, float]:
    """Run all stages that the spec asks for; return the seconds of each."""
    made: dict[str, Any] = {}
    seconds = {}
    for stage in STAGES.values():
        taken = [made.get(name) for name in stage.takes]
        if stage.why_not(run, *taken):
            continue
        began = time.perf_counter()
        made[stage.makes] = stage(run, *taken)
        seconds[stage.name] = time.perf_counter() - began
    if "promotion" not in made:
        raise SystemExit(f"the candidate was not promoted: {made['verdict'].sentence}")
    return seconds


if __name__ == "__main__":
    main()
