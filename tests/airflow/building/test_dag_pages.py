"""The page beside the DAG says what the spec says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perennial.spec.reading.loader import load_spec
from perennial_airflow.building.dag_pages import spec_page

pytestmark = pytest.mark.airflow


def test_it_names_source_features_and_every_gate(add_spec: Callable[..., Path]) -> None:
    page = spec_page(load_spec(add_spec()))

    for line in (
        "Which orders arrive late.",
        "| Predicts | `late` (classification) |",
        "| Source | `orders/` (csv) |",
        "| Window | the last 60 days |",
        "| Holdout | the last 10 days |",
        "| Numeric features | `items` |",
        "| Categorical features | `carrier` |",
        "| `roc_auc` | at least 0.6 |",
        "| `roc_auc` | no more than one standard error worse than the champion's on the same holdout |",
        "| labelled holdout rows | at least 50 |",
    ):
        assert line in page.splitlines()


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"region": "eu"}, "| Region | `eu`: rows stay there |"),
        (
            {"source": {"uri": "o/", "event_time": "t", "window": {"rows": 9000}}},
            "| Window | the last 9000 rows |",
        ),
        (
            {"source": {"uri": "o/", "event_time": "t", "window": {"since": "2013-01-01T00:00:00Z"}}},
            "| Window | since 2013-01-01 00:00 UTC |",
        ),
        (
            {"source": {"sql": "SELECT 1", "connection": "shop", "event_time": "t", "window": {"days": 60}}},
            "| Source | a query over the connection `shop` |",
        ),
        (
            {"evaluation": {"holdout": {"fraction": 0.25}, "primary": "log_loss", "gates": {"tolerance": 0.01}}},
            "| `log_loss` | less than 0.01 worse than the champion's on the same holdout |",
        ),
        ({"evaluation": {"holdout": {"fraction": 0.25}, "primary": "f1"}}, "| Holdout | the last 25% of the rows |"),
    ],
)
def test_it_follows_the_spec(add_spec: Callable[..., Path], fields: dict[str, Any], line: str) -> None:
    assert line in spec_page(load_spec(add_spec(**fields))).splitlines()
