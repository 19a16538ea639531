"""Limits on retrainings that cannot have the effect that their names promise."""

from __future__ import annotations

from collections.abc import Iterator

from perennial.linting.finding import Finding
from perennial.spec.monitoring import Retraining


def check_retraining(retraining: Retraining) -> Iterator[Finding]:
    """Yield a finding where the breaker lets a retraining through while the cool-down still holds it back."""
    reset, cooldown = retraining.breaker.reset_days, retraining.cooldown_days
    if reset < cooldown:
        yield Finding(
            ("retraining", "breaker", "reset_days"),
            f"{reset:g} days are over before cooldown_days: {cooldown:g}, so the breaker never holds anything back",
            f"make it longer than {cooldown:g}",
        )
