"""Whether a candidate is anything new beside the champion."""

from __future__ import annotations

from perennial.models.provenance import Provenance


def news(champion: Provenance, candidate: Provenance) -> tuple[str, ...]:
    """Name what can have changed the model: rows, recipe, the user's transform, libraries.

    Neither the owner's name nor a commit of code that fits nothing is news.
    """
    changed = []
    if champion.snapshot_digest != candidate.snapshot_digest:
        changed.append("rows")
    if champion.recipe_digest != candidate.recipe_digest:
        changed.append("features or settings of the fit")
    if champion.transform_digest != candidate.transform_digest:
        changed.append("source of the transform")
    changed += [
        f"{name} ({champion.libraries.get(name, 'none')} then, {version} now)"
        for name, version in candidate.libraries.items()
        if champion.libraries.get(name) != version
    ]
    return tuple(changed)
