"""The drift asset is the plain asset of its URI, so that people schedule on it without our code."""

from __future__ import annotations

import pytest
from airflow.sdk import Asset

from perennial_airflow.drift_asset import DriftDetected, drift_outlet

pytestmark = pytest.mark.airflow


def test_it_equals_the_plain_asset() -> None:
    from airflow.serialization.encoders import encode_asset_like

    ours, plain = DriftDetected("flight_delay"), Asset("perennial://flight_delay/drift")

    assert (ours, hash(ours)) == (plain, hash(plain))
    assert encode_asset_like(ours) == encode_asset_like(plain)


def test_its_outlet_has_its_name() -> None:
    assert drift_outlet("flight_delay").name == DriftDetected("flight_delay").name
