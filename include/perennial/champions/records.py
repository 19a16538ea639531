"""The records of the ledger of champions."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import field_validator

from perennial.moments import in_utc
from perennial.record import Record


class MoveOrigin(Record):
    """Who moved the alias `champion`, how, when, and why."""

    kind: Literal["promoted", "rolled back", "found"]
    """`found`: someone set the alias in MLflow, and this is when it was noticed."""
    at: datetime
    """The clock's time, UTC: no event time."""
    by: str = ""
    """A person, a check or a command; empty: MLflow does not say."""
    run_id: str = ""
    """The DAG run, or the command's id."""
    reason: str = ""
    verdict: str = ""
    """The sentence that the decision rests on: of the verdict, or of the comparison before a rollback."""
    evidence: str = ""
    """Store key of the verdict; empty: there is none."""
    forced: tuple[str, ...] = ()
    """What spoke against a rollback that was forced."""

    @field_validator("at")
    @classmethod
    def _in_utc(cls, moment: datetime) -> datetime:
        return in_utc(moment)


class Move(Record):
    """The newest move of a model's champion, in progress or done: one object per model, replaced conditionally."""

    sequence: int
    from_version: str | None
    to_version: str | None
    """None: someone has removed the alias."""
    state: Literal["moving", "moved", "given up"]
    """`given up`: someone else moved the alias meanwhile, or the version is gone."""
    origin: MoveOrigin | None = None
    """None: written before there was a ledger of champions."""


class ChampionEntry(MoveOrigin):
    """A move of the alias `champion`. Created once per sequence number and never changed."""

    model: str
    sequence: int
    version: str | None
    """The champion from then on; None: none."""
    previous: str | None
    """The champion before; None: there was none, or it is not known."""

    @property
    def how(self) -> str:
        """The move in words."""
        how = "set in MLflow by hand and found" if self.kind == "found" else self.kind
        before = f" in place of version {self.previous}" if self.previous else ""
        by = f" by {self.by}" if self.by else ""
        why = f": {self.reason}" if self.reason else ""
        return f"{how}{before}{by}{why}"
