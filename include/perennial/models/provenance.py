"""Where a model comes from: what it was made of, and for whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from perennial.models.base import Base
from perennial.record import Record

_TAGS = {
    "run_id": "perennial.run_id",
    "snapshot_digest": "perennial.snapshot",
    "recipe_digest": "perennial.recipe",
    "transform_digest": "perennial.transform",
    "libraries": "perennial.libraries",
    "code_version": "perennial.code_version",
    "system": "perennial.system",
    "triggered_by": "perennial.triggered_by",
    "reason": "perennial.reason",
    "train_end": "perennial.train_end",
    "data_end": "perennial.data_end",
    "twin_train_end": "perennial.twin_train_end",
    "base": "perennial.base",
}
_NOT_ALWAYS = ("twin_train_end", "base")


class Provenance(Record):
    """What a model was made of, by what, and why; kept in its bundle, and as tags on its MLflow run and version."""

    run_id: str
    """Id of the retraining run."""
    snapshot_digest: str
    """Digest of the rows."""
    recipe_digest: str
    """Digest of all fields of the spec that determine features and fit."""
    transform_digest: str
    """Digest of the source of the user's transform; empty: there is none."""
    libraries: dict[str, str]
    """Distribution -> version, for the libraries that fit and store a model."""
    code_version: str
    """Version of Perennial."""
    system: str
    """The machine, in one line."""
    triggered_by: str
    reason: str
    train_end: datetime
    """Newest event time among the rows that the served model was fitted on, UTC."""
    data_end: datetime
    """Newest event time in the snapshot, UTC."""
    twin_train_end: datetime | None = None
    """Newest event time among the rows that its judged twin was fitted on; None: there was no refit."""
    base: Base | None = None
    """The champion that it continues; None: it was trained in full."""

    def to_tags(self) -> dict[str, str]:
        """Return the tags that hold these fields in MLflow."""
        content = self.model_dump(mode="json") | {"libraries": json.dumps(self.libraries, sort_keys=True)}
        if self.base is not None:
            content["base"] = self.base.model_dump_json()
        return {tag: content[field] for field, tag in _TAGS.items() if content[field] is not None}

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Provenance | None:
        """Read the tags of a version.

        Returns
        -------
        Provenance or None
            None: the tags were not written by Perennial, or not all of them are there.

        Raises
        ------
        ValueError
            A tag was changed to a value that is not valid.
        """
        content: dict[str, object] = {field: tags.get(tag) for field, tag in _TAGS.items()}
        if any(content[field] is None for field in _TAGS if field not in _NOT_ALWAYS):
            return None
        read = {field: json.loads(tags[_TAGS[field]]) for field in ("libraries", "base") if content[field] is not None}
        return cls.model_validate(content | read)
