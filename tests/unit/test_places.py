"""A region's rows have places of their own, and the places of all others are never taken instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from perennial.errors import SpecError
from perennial.places import data_root, store_uri, tracking_server, variable
from perennial.spec import ModelSpec


@pytest.fixture(autouse=True)
def _everybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_STORE", "s3://everybody")
    monkeypatch.setenv("PERENNIAL_DATA", "/srv/data")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")


def spec_of(region: str | None, **source: str) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "late",
            "task": "regression",
            "region": region,
            "source": {"event_time": "at", "window": {"days": 9}, **(source or {"uri": "rows/"})},
            "target": {"column": "y"},
            "features": {"numeric": ["x"]},
            "model": {"estimator": "sklearn.linear_model.Ridge"},
            "evaluation": {"holdout": {"days": 1}, "primary": "rmse"},
        }
    )


@pytest.mark.parametrize(
    ("region", "name"),
    [(None, "PERENNIAL_STORE"), ("eu", "PERENNIAL_STORE_EU"), ("us-east-1", "PERENNIAL_STORE_US_EAST_1")],
)
def test_a_variable_is_named_after_the_region(region: str | None, name: str) -> None:
    assert variable("PERENNIAL_STORE", region) == name


def test_a_region_has_its_own_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_STORE_EU", "s3://eu")
    monkeypatch.setenv("PERENNIAL_DATA_EU", "/srv/eu")
    monkeypatch.setenv("MLFLOW_TRACKING_URI_EU", "http://mlflow-eu:5000")

    assert store_uri("late", "eu") == "s3://eu"
    assert data_root(spec_of("eu")) == Path("/srv/eu")
    assert (tracking_server("eu").uri, tracking_server("eu").takes_rows) == ("http://mlflow-eu:5000", True)
    assert store_uri("late", None) == "s3://everybody"
    assert data_root(spec_of(None)) == Path("/srv/data")
    assert (tracking_server(None).uri, tracking_server(None).takes_rows) == ("http://mlflow:5000", True)


@pytest.mark.parametrize("value", [None, "", " "])
def test_a_region_without_a_store_is_an_error_that_names_model_region_and_variable(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv("PERENNIAL_STORE_EU", value)
    with pytest.raises(SpecError, match=r"^late belongs to region 'eu', and PERENNIAL_STORE_EU is not set") as caught:
        store_uri("late", "eu")
    assert not caught.value.retryable


def test_a_region_without_a_data_root_is_an_error_where_the_source_is_a_folder() -> None:
    with pytest.raises(SpecError, match=r"'eu', and PERENNIAL_DATA_EU is not set"):
        data_root(spec_of("eu"))
    data_root(spec_of("eu", uri="s3://bucket/rows/"))
    data_root(spec_of("eu", sql="SELECT 1", connection="shop"))


def test_everybodys_mlflow_takes_a_regions_models_and_no_rows() -> None:
    server = tracking_server("eu")

    assert (server.uri, server.takes_rows) == ("http://mlflow:5000", False)


def test_the_address_with_its_login_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://anna:s3cret@mlflow:5000")

    assert "s3cret" not in repr(tracking_server(None))
