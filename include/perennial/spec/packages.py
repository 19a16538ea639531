"""What a promoted model is handed out as, and what each package must reach in its rehearsal."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from perennial.spec.section import AirflowName, Number, Section

PackageKind = Literal["onnx", "wheel", "container"]


class RehearsalGates(Section):
    """What each package must reach before the model is promoted."""

    max_difference: Number = Field(default=1e-5, ge=0)
    """Largest difference to the bundle's predictions, on any row of the holdout: of probabilities, decision scores or
    predicted numbers."""
    p95_ms: Number | None = Field(default=None, gt=0)
    """Most milliseconds for the prediction of one row, in 95 of 100 calls; None: measured only."""
    memory_mb: Number | None = Field(default=None, gt=0)
    """Most memory of the process that predicts, in MiB; None: measured only."""


class Publish(Section):
    """The package index that gets the wheel of each new champion."""

    connection: AirflowName
    """Airflow connection with the index's upload address and login. On the command line, `TWINE_REPOSITORY_URL`,
    `TWINE_USERNAME` and `TWINE_PASSWORD` say the same."""
