"""The models of the cluster: their specs, and their rows on S3."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import FLIGHT_SPEC, S3Server, land_slice

FIRST_ORDER = datetime(2024, 1, 1, tzinfo=UTC)
CROWD = tuple(f"crowd_{number:02}" for number in range(3))
TRIALS = 6
APPROVED = "approved_orders"
ADMIN = "1"
"""Id of the account `admin`, the first that is made."""
REGIONS = ("eu", "us")


def write_specs(folder: Path, *, landing: dict[str, str]) -> None:
    """Write all specs.

    Parameters
    ----------
    folder : Path
    landing : dict
        Bucket of the sources by region, and that of the models without a region under 'everybody'.
    """
    flights = yaml.safe_load(FLIGHT_SPEC)
    flights["source"]["uri"] = f"s3://{landing['everybody']}/flights/"
    flights["monitoring"] = {"min_rows": 200, "require": {"checks": 1, "of": 1}, "drift": {"effect_floor": 0.1}}
    flights["retraining"] = {"cooldown_days": 0}
    # Trained for long enough to be killed meanwhile.
    slow = flights | {"name": "slow_flights", "model": flights["model"] | {"params": {"max_iter": 500}}}
    specs = [flights, slow, _searched(flights)]
    resources = {"pool": "training", "light_pool": "light"}
    specs += [_orders(name, landing["everybody"], resources=resources) for name in CROWD]
    specs += [_orders(APPROVED, landing["everybody"], approval={"when": "always", "approvers": [ADMIN]})]
    specs += [_orders(f"{region}_orders", landing[region], region=region) for region in REGIONS]
    for spec in specs:
        (folder / f"{spec['name']}.yaml").write_text(yaml.safe_dump(spec))


def _searched(flights: dict[str, Any]) -> dict[str, Any]:
    """Return a spec whose trials take long enough for a worker to be killed in one."""
    candidates = [
        {
            "estimator": "sklearn.linear_model.LogisticRegression",
            "params": {"max_iter": 200},
            "search": {"C": {"low": 0.01, "high": 10.0, "log": True}},
        },
        {
            "estimator": flights["model"]["estimator"],
            "params": {"max_iter": 100},
            "search": {"learning_rate": {"low": 0.02, "high": 0.3, "log": True}},
        },
        {
            "estimator": "sklearn.ensemble.ExtraTreesClassifier",
            "params": {"n_estimators": 50},
            "search": {"min_samples_leaf": {"low": 1, "high": 50, "log": True}},
        },
    ]
    return flights | {
        "name": "searched_flights",
        "model": {"candidates": candidates, "seed": 1},
        "cross_validation": {"kind": "time", "folds": 3},
        "tuning": {"trials": TRIALS, "parallel": 2},
    }


def land_flights(s3: S3Server, bucket: str, folder: Path, *months: int) -> None:
    """Put months of the flights where the specs look for them."""
    for month in months:
        path = land_slice(folder, month)
        s3.client().upload_file(str(path), bucket, f"flights/{path.name}")


def land_orders(s3: S3Server, bucket: str) -> None:
    """Put forty days of orders there; those with many items are late, most of the time."""
    chance = random.Random(1)
    rows = ["ordered_at,items,late"]
    for number in range(800):
        items = chance.randint(1, 10)
        late = (items > 5) != (chance.random() < 0.2)
        rows.append(f"{FIRST_ORDER + number * timedelta(minutes=72):%Y-%m-%dT%H:%M:%SZ},{items},{late:d}")
    s3.client().put_object(Bucket=bucket, Key="orders/orders.csv", Body="\n".join(rows).encode())


def _orders(name: str, bucket: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "task": "classification",
        "source": {
            "uri": f"s3://{bucket}/orders/",
            "format": "csv",
            "event_time": "ordered_at",
            "window": {"days": 60},
        },
        "target": {"column": "late"},
        "features": {"numeric": ["items"]},
        "validation": [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "items"}}],
        "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
        "evaluation": {"holdout": {"days": 10}, "primary": "roc_auc", "gates": {"min_rows": 50}},
        **fields,
    }
