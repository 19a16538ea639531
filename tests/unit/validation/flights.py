"""Eight rows of flights, some of them wrong, and a store to validate them in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from perennial.data.ingest import ingest
from perennial.deployment import Deployment
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store import LocalStore
from perennial.validation.records import Validation
from perennial.validation.validate import validate

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
START = datetime(2013, 1, 1, tzinfo=UTC)
ROWS = pd.DataFrame(
    {
        "time": [START + timedelta(days=day) for day in range(8)],
        "distance": [100.0, 200.0, None, 9999.0, -5.0, 300.0, float("inf"), 100.0],
        "air_time": [50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0, 120.0],
        "carrier": ["AA", "UA", None, "??", "AA", HOSTILE, "UA", "AA"],
        "late": [0, 1, 0, 1, 0, 1, 0, 1],
    }
)

Expectations = list[dict[str, Any]]
Validate = Callable[[Expectations], Validation]


def expect(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": arguments}


def between(column: str, **bounds: Any) -> dict[str, Any]:
    return expect("column_values_to_be_between", column=column, **bounds)


def spec_with(expectations: Expectations) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "flights",
            "task": "classification",
            "source": {"uri": "landing", "event_time": "time", "window": {"days": 30}},
            "target": {"column": "late"},
            "features": {"numeric": ["distance", "air_time"], "categorical": ["carrier"]},
            "validation": expectations,
            "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
            "evaluation": {"holdout": {"fraction": 0.2}, "primary": "roc_auc"},
        }
    )


class Bench:
    """A data folder with the rows, and a store."""

    def __init__(self, folder: Path) -> None:
        self.store = LocalStore(folder / "store")
        self.data = folder / "data"
        (self.data / "landing").mkdir(parents=True)
        ROWS.to_parquet(self.data / "landing" / "rows.parquet")

    def run(self, expectations: Expectations) -> RetrainingRun:
        return RetrainingRun(
            spec=spec_with(expectations),
            deployment=Deployment(store=self.store, tracking_uri="sqlite:///nowhere.db", data_root=self.data),
            run_id="manual__2013-02-01T00:00:00+00:00",
            now=datetime(2026, 1, 1, tzinfo=UTC),
        )

    def validate(self, expectations: Expectations) -> Validation:
        run = self.run(expectations)
        return validate(run, ingest(run))

    def page(self, validation: Validation) -> str:
        return self.store.read(validation.data_docs_key).decode()
