"""How long a retraining may explain its candidate."""

from __future__ import annotations

from pydantic import Field

from perennial.spec.section import Number, Section


class ExplainSection(Section):
    """That candidates are explained, and for how long."""

    seconds: Number = Field(gt=0, le=3600)
    """Seconds after which nothing further is measured; what was left out is said."""
