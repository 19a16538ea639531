"""What decide, register and promote hand on."""

from __future__ import annotations

from typing import Literal

from perennial.record import Figure, Record


class GateResult(Record):
    """One gate of the verdict."""

    name: str
    passed: bool
    sentence: str
    """What was measured, against what, in words."""
    value: Figure | None = None
    threshold: Figure | None = None


class Verdict(Record):
    """Whether the candidate may become champion, and why."""

    outcome: Literal["promote", "reject"]
    sentence: str
    gates: tuple[GateResult, ...]
    champion_version: str | None
    """The champion that the candidate was judged against; promotion refuses if it is another by then."""


class RegisteredVersion(Record):
    """A version in the model registry."""

    name: str
    version: str
    alias: Literal["challenger"] | None
    """`challenger` for a candidate that was rejected; a promoted one gets `champion` in the next stage."""


class Promotion(Record):
    """The alias `champion` as it was moved."""

    name: str
    version: str
    previous_version: str | None
