"""The result of examining a version that is to be champion again."""

from __future__ import annotations

from perennial.record import Record


class Examination(Record):
    """What was found out about a version before a rollback to it."""

    name: str
    """The registered model."""
    version: str
    """The version that is to be champion again."""
    champion: str
    """The champion that it was compared with; the rollback fails if there is another by then."""
    sentence: str
    """How both score on the newest rows with labels, or why they were not compared."""
    objections: tuple[str, ...] = ()
    """What speaks against the rollback, although it is forced."""
