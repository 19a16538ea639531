from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from perennial.spec import ModelSpec

LATE = """\
name: late
description: Which flights arrive late.
task: classification
source:
  uri: flights/
  event_time: at
  key: [flight]
  window: {days: 60}
target:
  column: late
  label_delay_days: 1
features:
  numeric: [distance, hour]
  categorical: [carrier]
validation:
  - type: expect_column_values_to_not_be_null
    kwargs: {column: distance}
model:
  estimator: sklearn.linear_model.LogisticRegression
  params: {C: 0.5, class_weight: {0: 1, 1: 3}}
evaluation:
  holdout: {days: 7}
  primary: roc_auc
  gates:
    minimum: {roc_auc: 0.6}
    tolerance: 0.01
schedule: {cron: "0 6 * * 1", time_zone: America/New_York}
"""


@pytest.fixture
def late() -> str:
    """A spec with nothing wrong in it."""
    return LATE


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Put a file into the folder of specs and return its path."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.fixture
def spec_with() -> Callable[..., ModelSpec]:
    """Build the spec with some of its parts replaced."""

    def build(**parts: object) -> ModelSpec:
        return ModelSpec.model_validate(yaml.safe_load(LATE) | parts)

    return build
