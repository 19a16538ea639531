"""How a member is named in sentences: by the newest rows that it has learnt from."""

from __future__ import annotations

from collections.abc import Iterable

from perennial.models.manifest import FittedRows

DAY = "%Y-%m-%d"


def named(rows: FittedRows, among: Iterable[FittedRows], form: str = DAY) -> str:
    """Return the day of the newest row, and that of the oldest if another member differs in this day only.

    Parameters
    ----------
    rows : FittedRows
        The rows that the member's served model has learnt from.
    among : iterable of FittedRows
        Those of all members.
    form : str
        How a day is written, as for `strftime`.
    """
    day, oldest = f"{rows.train_end:{form}}", f"{rows.train_start:{form}}"
    alike = {f"{other.train_start:{form}}" for other in among if f"{other.train_end:{form}}" == day}
    return f"{day} (rows from {oldest})" if alike - {oldest} else day
