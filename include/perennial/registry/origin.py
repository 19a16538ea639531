"""What a version says it came from: tags that Perennial set, and that anyone may change in MLflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Origin:
    """Where a version came from; all empty for one that Perennial did not make.

    Attributes
    ----------
    snapshot_digest, spec_digest, code_version : str
    train_end : datetime or None
        Newest event time among the training rows, UTC.
    """

    snapshot_digest: str = ""
    spec_digest: str = ""
    code_version: str = ""
    train_end: datetime | None = None


def read_origin(tags: Mapping[str, str]) -> Origin:
    """Return what a version's tags say it came from.

    Raises
    ------
    ValueError
        A tag cannot be read; the message names it and says what it should be.
    """
    for name in ("perennial.snapshot", "perennial.spec"):
        if tags.get(name) and not _DIGEST.fullmatch(tags[name]):
            raise ValueError(f"{name}={tags[name]!a} is not a digest of 64 hexadecimal digits")
    return Origin(
        snapshot_digest=tags.get("perennial.snapshot", ""),
        spec_digest=tags.get("perennial.spec", ""),
        code_version=tags.get("perennial.code_version", ""),
        train_end=_time("perennial.train_end", tags.get("perennial.train_end", "")),
    )


def _time(name: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{name}={text!a} is not a timestamp with a zone, such as 2013-03-01T00:00:00+00:00")
