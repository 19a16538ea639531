"""Snapshot -> validation report, or the end of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.errors import ValidationFailed
from perennial.validation.failure import failure_message
from perennial.validation.validate import validate as validate_rows

if TYPE_CHECKING:
    from perennial.data.snapshots.records import Snapshot
    from perennial.run import RetrainingRun
    from perennial.validation.records import Validation


def validate(run: RetrainingRun, snapshot: Snapshot) -> Validation:
    """Check the snapshot against the spec's expectations and keep the report.

    Raises
    ------
    ValidationFailed
        An expectation does not hold; the message names each, with columns, counts and examples.
    """
    validation = validate_rows(run, snapshot)
    if not validation.passed:
        raise ValidationFailed(failure_message(validation))
    return validation
