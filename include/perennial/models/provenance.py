"""Where a model comes from: what it follows from, and who asked for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

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
}
_NOT_ALWAYS = ("twin_train_end",)


class Provenance(Record):
    """What a model was made of, by what, and why; in its bundle, and as tags on its MLflow run and version."""

    run_id: str
    """The retraining."""
    snapshot_digest: str
    """Of the rows."""
    recipe_digest: str
    """Of all fields of the spec that features and fit follow from."""
    transform_digest: str
    """Of the source of the user's transform; empty: there is none."""
    libraries: dict[str, str]
    """Distribution -> version of what fits and keeps a model."""
    code_version: str
    """Of Perennial."""
    system: str
    """The machine in a line."""
    triggered_by: str
    reason: str
    train_end: datetime
    """Newest event time among the rows that the served model was fitted on, UTC."""
    data_end: datetime
    """Newest event time in the snapshot, UTC."""
    twin_train_end: datetime | None = None
    """The same of its judged twin; None: there was no refit, and the judged model serves."""

    def to_tags(self) -> dict[str, str]:
        """Return the tags that say all this in MLflow."""
        content = self.model_dump(mode="json") | {"libraries": json.dumps(self.libraries, sort_keys=True)}
        return {tag: content[field] for field, tag in _TAGS.items() if content[field] is not None}

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Provenance | None:
        """Read the tags of a version.

        Returns
        -------
        Provenance or None
            None: they were not written by Perennial, or not all of them are there.

        Raises
        ------
        ValueError
            One of them was changed into something that it cannot be.
        """
        content: dict[str, object] = {field: tags.get(tag) for field, tag in _TAGS.items()}
        if any(content[field] is None for field in _TAGS if field not in _NOT_ALWAYS):
            return None
        return cls.model_validate(content | {"libraries": json.loads(tags[_TAGS["libraries"]])})
