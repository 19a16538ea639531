"""Verdicts for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from perennial.promotion.blessings.blessing import bless
from perennial.promotion.records import GateResult, Verdict


def judged(
    outcome: Any = "promote",
    sentence: str = "All gates passed.",
    *,
    gates: Iterable[GateResult] = (),
    consequence: Any = None,
    champion_version: str | None = None,
) -> Verdict:
    """A verdict of metrics alone; without a consequence, what is inconclusive is rejected."""
    return Verdict(
        outcome=outcome,
        consequence=consequence or ("promote" if outcome == "promote" else "reject"),
        sentence=sentence,
        blessings=(bless("metrics", gates, sentence).model_copy(update={"outcome": outcome}),),
        champion_version=champion_version,
    )
