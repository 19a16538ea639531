"""The champion's asset is the plain asset of its URI, at less cost."""

from __future__ import annotations

import pytest
from airflow.sdk import Asset

from perennial_airflow.champion_asset import ChampionAsset

pytestmark = pytest.mark.airflow


def test_it_equals_the_plain_asset() -> None:
    ours, plain = ChampionAsset("flight_delay"), Asset("perennial://flight_delay/champion")

    assert ours == plain
    assert hash(ours) == hash(plain)
    assert (ours.name, ours.uri, ours.group) == (plain.name, plain.uri, plain.group)


def test_it_serializes_as_the_plain_asset() -> None:
    from airflow.serialization.encoders import encode_asset_like

    assert encode_asset_like(ChampionAsset("m")) == encode_asset_like(Asset("perennial://m/champion"))
