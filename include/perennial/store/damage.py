"""The error for stored content that is gone or is not what was written."""

from __future__ import annotations

from perennial.errors import StoreError


class Damaged(StoreError):
    """The content under a key is gone or is not what was written, so it is not used.

    Parameters
    ----------
    where : str
        Address of the object.
    fault : str
        What is wrong with it, such as "is gone".
    advice : str
        What depends on it, and what to do.
    version : str or None
        The version to pass to `Store.replace` when the object is written again; None: there is nothing to replace.
    """

    def __init__(self, where: str, fault: str, advice: str, *, version: str | None = None) -> None:
        super().__init__(f"{where} {fault}. {advice}")
        self.version = version
