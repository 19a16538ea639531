"""Optuna's tables in a SQLite file of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from perennial.tuning.storage import open_storage
from tests.unit.training.conftest import fixed_code_version

__all__ = ["fixed_code_version"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Optuna's tables in a SQLite file; making them takes seconds, copying the file does not."""
    path = tmp_path_factory.mktemp("optuna") / "tuning.db"
    open_storage(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture
def url(tmp_path: Path, template: bytes) -> str:
    (tmp_path / "tuning.db").write_bytes(template)
    return f"sqlite:///{tmp_path}/tuning.db"
