"""What an unfinished estimator of scikit-learn has learnt, as a file: skops, and only types of the reviewed list."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import skops.io

from perennial.models.formats.trusted_types import REVIEWED_TYPES

AfterPart = Callable[[int, Callable[[], bytes]], None]
"""Is called after a part of a fit: with the iterations so far, and what returns their state as a file."""


def write_state(estimator: Any) -> bytes:
    """Return an estimator's parameters and what it has learnt so far."""
    # As for bundles: skops looks up names in every loaded module, and some of these warn.
    with warnings.catch_warnings(action="ignore"):
        return bytes(skops.io.dumps(estimator))


def restore_state(estimator: Any, state: bytes) -> None:
    """Give an estimator the parameters and the learnt state of a file, in place."""
    vars(estimator).update(vars(skops.io.loads(state, trusted=list(REVIEWED_TYPES))))
