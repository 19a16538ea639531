from __future__ import annotations

import pytest

from tests.unit.training.mitigation.two_groups import grouped_rows


@pytest.fixture
def grouped():
    return grouped_rows()
