"""What the store holds is not what was written: told apart from what it refuses and from what was never there."""

from __future__ import annotations

from perennial.errors import StoreError


class Damaged(StoreError):
    """The content under a key is gone or is not what was written; it is never taken for what it says.

    Parameters
    ----------
    where : str
        Address of the object.
    fault : str
        What is wrong with it, such as "is gone".
    advice : str
        What depends on it, and what to do.
    version : str or None
        What `Store.replace` wants back from whoever makes the object anew; None: there is none to replace.
    """

    def __init__(self, where: str, fault: str, advice: str, *, version: str | None = None) -> None:
        super().__init__(f"{where} {fault}. {advice}")
        self.version = version
