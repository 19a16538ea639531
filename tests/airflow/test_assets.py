"""A model's assets are the plain assets of their URIs, so that people schedule on them without our code, at less cost."""

from __future__ import annotations

import pytest
from airflow.sdk import Asset

from perennial_airflow.assets import ChampionAsset, DriftDetected, drift_outlet

pytestmark = pytest.mark.airflow

BOTH = [
    (ChampionAsset("flight_delay"), Asset("perennial://flight_delay/champion")),
    (DriftDetected("flight_delay"), Asset("perennial://flight_delay/drift")),
]


@pytest.mark.parametrize(("ours", "plain"), BOTH)
def test_it_equals_the_plain_asset(ours: Asset, plain: Asset) -> None:
    assert ours == plain
    assert hash(ours) == hash(plain)
    assert (ours.name, ours.uri, ours.group) == (plain.name, plain.uri, plain.group)


@pytest.mark.parametrize(("ours", "plain"), BOTH)
def test_it_serializes_as_the_plain_asset(ours: Asset, plain: Asset) -> None:
    from airflow.serialization.encoders import encode_asset_like

    assert encode_asset_like(ours) == encode_asset_like(plain)


def test_the_outlet_of_drift_has_its_name() -> None:
    assert drift_outlet("flight_delay").name == DriftDetected("flight_delay").name
