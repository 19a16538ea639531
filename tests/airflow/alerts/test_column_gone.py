"""What ingest says of features that the source no longer has."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from perennial.data.snapshots.records import Snapshot

SNAPSHOT = Snapshot(
    model="flights", digest="0" * 64, rows=9, start=datetime(2024, 1, 1, tzinfo=UTC), end=datetime(2024, 1, 9, tzinfo=UTC),
    window_start=None, as_of=datetime(2024, 1, 9, tzinfo=UTC), schema_={}, size_bytes=1, rows_read=9, exact_duplicates=0,
    key_duplicates=0,
)  # fmt: skip

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ({}, []),
        ({"imputed": ("gust", "wind")}, ["gust, wind"]),
        ({"left_out": ("gust",)}, ["gust"]),
        ({"imputed": ("gust", "wind"), "left_out": ("gust", "rain")}, ["gust, wind, rain"]),
    ],
)
def test_there_is_one_event_for_a_run_whose_source_lacks_features(missing, told):
    from perennial_airflow.alerts.callbacks import _ingested

    snapshot = SNAPSHOT.model_copy(update=missing)
    task = SimpleNamespace(outcome=snapshot.model_dump(mode="json"))
    first, again = (list(_ingested({"task": task, "run_id": "manual__1"})) for _ in range(2))
    assert [event.facts["columns"] for event in first] == told
    assert [event.digest for event in first] == [event.digest for event in again]
    assert all(name in event.reason for event in first for name in told[0].split(", "))
