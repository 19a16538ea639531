"""A model with two champions, and rollbacks that somebody wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perennial.registry.tracking import Tracker
from perennial.rollback.request import RollbackRequest
from tests.watched_model import TRAINED_ROWS, Watched, make_two_champions

NEWER = TRAINED_ROWS + 1500
"""Number of the first row after both trainings."""


@pytest.fixture(scope="module")
def two_champions(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Watched:
    return make_two_champions(tmp_path_factory.mktemp("rollback"), mlflow_template)


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
