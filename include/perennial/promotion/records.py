"""What decide, register and promote hand on."""

from __future__ import annotations

from typing import Literal

from perennial.record import Figure, Record

Outcome = Literal["promote", "reject", "inconclusive"]


class GateResult(Record):
    """One gate of the verdict."""

    name: str
    passed: bool
    inconclusive: bool = False
    """Proof was asked for, and there is none for the candidate and none against it: it neither passed nor failed."""
    dry_run: bool = False
    """Measured and shown; it did not decide."""
    sentence: str
    """What was measured, against what, in words."""
    value: Figure | None = None
    threshold: Figure | None = None


class Verdict(Record):
    """Whether the candidate may become champion, and why."""

    outcome: Outcome
    if_inconclusive: Literal["promote", "reject"] = "reject"
    """What the spec does with a candidate that is proved neither better nor worse."""
    sentence: str
    gates: tuple[GateResult, ...]
    champion_version: str | None
    """The champion that the candidate was judged against; promotion refuses if it is another by then."""

    @property
    def promotes(self) -> bool:
        """Whether the candidate becomes champion."""
        return "promote" in (self.outcome, self.outcome == "inconclusive" and self.if_inconclusive)


class RegisteredVersion(Record):
    """A version in the model registry."""

    name: str
    version: str
    alias: Literal["challenger"] | None
    """`challenger` for a candidate that is not promoted; a promoted one gets `champion` in the next stage."""


class Promotion(Record):
    """The alias `champion` as it was moved."""

    name: str
    version: str
    previous_version: str | None
