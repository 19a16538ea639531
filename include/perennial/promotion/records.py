"""The results of decide, register and promote."""

from __future__ import annotations

from typing import Literal

from perennial.record import Figure, Record

Outcome = Literal["promote", "reject", "inconclusive"]


class GateResult(Record):
    """The result of one gate of the verdict."""

    name: str
    passed: bool
    inconclusive: bool = False
    """Proof was asked for, and there is none for or against the candidate: the gate neither passed nor failed."""
    dry_run: bool = False
    """The gate is only shown and does not decide."""
    sentence: str
    """What was measured and what was asked for, in words."""
    value: Figure | None = None
    threshold: Figure | None = None


class Verdict(Record):
    """Whether the candidate may become champion, and why."""

    outcome: Outcome
    if_inconclusive: Literal["promote", "reject"] = "reject"
    """What the spec asks for if the candidate is proved neither better nor worse."""
    sentence: str
    gates: tuple[GateResult, ...]
    champion_version: str | None
    """The champion that the candidate was compared with; promotion fails if there is another by then."""

    @property
    def promotes(self) -> bool:
        """Whether the candidate becomes champion."""
        return "promote" in (self.outcome, self.outcome == "inconclusive" and self.if_inconclusive)


class RegisteredVersion(Record):
    """A version in the model registry."""

    name: str
    version: str
    alias: Literal["challenger"] | None
    """`challenger` if the candidate is not promoted; a promoted one gets `champion` in the next stage."""


class Promotion(Record):
    """A move of the alias `champion`."""

    name: str
    version: str
    previous_version: str | None
