"""A model with two champions: the first knows nothing that matters, the second does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perennial.registry.tracking import Tracker
from perennial.rollback.request import RollbackRequest
from perennial.spec import ModelSpec
from tests.watched_model import SPEC, TRAINED_ROWS, Watched, make_watched

NEWER = TRAINED_ROWS + 1500
"""Number of the first row after both trainings."""


@pytest.fixture(scope="module")
def two_champions(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Watched:
    folder = tmp_path_factory.mktemp("rollback")
    shutil.copyfile(mlflow_template, folder / "mlflow.db")
    poor = make_watched(
        folder / "home",
        f"sqlite:///{folder}/mlflow.db",
        features={"numeric": ["few", "holes"], "categorical": ["kind"]},
    )
    poor.retrain("first")
    model = Watched(poor.home, poor.tracking_uri, ModelSpec.model_validate(SPEC))
    model.land(TRAINED_ROWS, 1500)
    model.retrain("second")
    return model


@pytest.fixture
def model(two_champions: Watched, tmp_path: Path) -> Iterator[Watched]:
    """The model with a store of its own, and with the second version as champion."""
    set_champion(two_champions, "2")
    yield two_champions.copy(tmp_path / "home")
    set_champion(two_champions, "2")


def set_champion(model: Watched, version: str) -> None:
    Tracker(model.tracking_uri).client.set_registered_model_alias("watched", "champion", version)


@pytest.fixture
def wanted() -> Callable[..., RollbackRequest]:
    def make(to: str = "previous", **changes: Any) -> RollbackRequest:
        return RollbackRequest(**({"to": to, "reason": "bad answers", "by": "alice", "run_id": "manual__1"} | changes))

    return make
