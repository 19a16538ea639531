"""The results of decide, register and promote."""

from __future__ import annotations

from typing import Literal

from perennial.answer import Answer
from perennial.record import Figure, Record

Outcome = Literal["promote", "reject", "inconclusive"]
"""What was found; `inconclusive`: proof was asked for, and there is none for or against the candidate."""
BlessingName = Literal["metrics", "slices", "fairness", "rehearsal"]


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

    @property
    def failed(self) -> bool:
        """Whether what was measured is not what was asked for."""
        return not (self.passed or self.inconclusive)


class Blessing(Record):
    """The judgement on a candidate from one side, such as its metrics."""

    name: BlessingName
    outcome: Outcome
    sentence: str
    """What was found, in words."""
    gates: tuple[GateResult, ...]


class Verdict(Record):
    """Whether the candidate may become champion, and why."""

    outcome: Outcome
    """The worst outcome among the blessings."""
    consequence: Literal["promote", "reject", "ask"]
    """What follows from the outcome, as the spec says; `ask`: a person decides, and until then the champion stays."""
    sentence: str
    blessings: tuple[Blessing, ...]
    """One for each side that the spec asks about. A promotion needs all."""
    champion_version: str | None
    """The champion that the candidate was compared with; promotion fails if there is another by then."""
    answer: Answer | None = None
    """What a person decided; None: nobody has."""

    @property
    def result(self) -> Outcome:
        """The outcome, or in its place what a person decided."""
        if self.answer is None:
            return self.outcome
        return "promote" if self.answer.approved else "reject"

    @property
    def promotes(self) -> bool:
        """Whether the candidate becomes champion."""
        return self.consequence == "promote"

    def answered(self, answer: Answer) -> Verdict:
        """Return the verdict after a person's answer."""
        return self.model_copy(
            update={
                "consequence": "promote" if answer.approved else "reject",
                "sentence": f"{answer.sentence} {self.sentence}",
                "answer": answer,
            }
        )

    @property
    def gates(self) -> tuple[GateResult, ...]:
        """The gates of all blessings."""
        return tuple(gate for blessing in self.blessings for gate in blessing.gates)


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
