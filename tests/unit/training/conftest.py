"""What tests of training share."""

from __future__ import annotations

import pytest

from perennial.models.environment import code_version


@pytest.fixture(autouse=True)
def fixed_code_version(monkeypatch):
    """Whoever commits while these tests run must not change what they see."""
    monkeypatch.setenv("PERENNIAL_CODE_VERSION", "under test")
    code_version.cache_clear()
    yield
    code_version.cache_clear()
