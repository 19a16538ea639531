"""A spec with errors is seen by people and costs nobody else's DAG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

pytestmark = pytest.mark.airflow


def test_invalid_specs_are_one_import_error_that_lists_them_all(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    add_spec("good")
    misspelt = add_spec("misspelt", owner=None, ownr="me")
    contradictory = add_spec("contradictory", evaluation={"holdout": {"days": 90}, "primary": "roc_auc"})

    bag = load_dags()

    assert set(bag.dags) == {"good.retrain"}
    ((file, error),) = bag.import_errors.items()
    assert Path(file).name == "spec_guard.py"
    assert f"{misspelt}:" in error
    assert "did you mean 'owner'?" in error
    assert f"{contradictory}:" in error


def test_a_folder_that_is_not_there_is_seen_too(
    models: Path, load_dags: Callable[[], DagBag], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERENNIAL_MODELS", str(models / "elsewhere"))

    bag = load_dags()

    assert not bag.dags
    assert "elsewhere" in "".join(bag.import_errors.values())


def test_a_mended_spec_takes_the_error_away(add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]) -> None:
    add_spec(owner=["nobody"])
    assert load_dags().import_errors

    add_spec()

    bag = load_dags()
    assert bag.import_errors == {}
    assert set(bag.dags) == {"orders.retrain"}
