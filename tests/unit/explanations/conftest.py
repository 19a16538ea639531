"""A model that is retrained step by step, as the tests of evaluation have it."""

from __future__ import annotations

from tests.unit.evaluation.conftest import model, tracking_uri

__all__ = ["model", "tracking_uri"]
