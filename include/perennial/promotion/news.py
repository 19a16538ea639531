"""Whether a candidate differs from the champion in anything it was made from."""

from __future__ import annotations

from perennial.models.provenance import Provenance


def news(champion: Provenance, candidate: Provenance) -> tuple[str, ...]:
    """Name the differences that can have changed the model: rows, recipe, the user's transform, libraries.

    The owner's name and the version of Perennial do not count, since they do not change the model.
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
