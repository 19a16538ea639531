"""Retrainings that go on from the champion instead of beginning anew."""

from __future__ import annotations

from pydantic import Field

from perennial.spec.section import Section, Whole


class Update(Section):
    """A retraining continues from the champion's fitted state, on the rows since then."""

    iterations: Whole = Field(ge=1)
    """What an update adds: rounds of boosting, trees of a forest, or passes of `partial_fit` over the new rows."""
    full_every: Whole = Field(ge=2)
    """Every so manieth retraining begins anew: with 8, up to seven updates follow a full training."""
