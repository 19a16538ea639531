"""The names of what is kept between runs: each made of exactly what the thing follows from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from perennial.spec.concerns import Concern, digest_of

if TYPE_CHECKING:
    from perennial.spec import ModelSpec


def recipe_digest(spec: ModelSpec) -> str:
    """Return the digest of how a model is made of rows: features and fit."""
    return digest_of(spec, Concern.FEATURES, Concern.FITTING)


def candidate_digest(
    spec: ModelSpec, *, run_id: str, snapshot_digest: str, transform_digest: str, libraries: Mapping[str, str]
) -> str:
    """Return the digest of a candidate: the same run, rows, recipe, transform and libraries make one.

    Parameters
    ----------
    spec : ModelSpec
    run_id : str
        Each retraining has a candidate of its own, also of the same rows.
    snapshot_digest, transform_digest : str
        Of the rows, and of the source of the user's transform; the latter empty where there is none.
    libraries : mapping of distribution to version
        That fit it.
    """
    versions = (f"{name}=={version}" for name, version in sorted(libraries.items()))
    return _joined(run_id, snapshot_digest, recipe_digest(spec), transform_digest, *versions)


def retraining_digest(spec: ModelSpec) -> str:
    """Return the digest of all that a retraining of given rows, and its verdict, follow from."""
    return digest_of(spec, Concern.ROWS, Concern.FEATURES, Concern.FITTING, Concern.JUDGING)


def reference_digest(spec: ModelSpec, bundle_digest: str) -> str:
    """Return the digest of what checks compare with: a champion's bundle names its rows, features and split."""
    return _joined(bundle_digest, digest_of(spec, Concern.REFERENCE))


def check_digest(spec: ModelSpec) -> str:
    """Return the digest of how a check is made; the check itself names the champion that it is about."""
    return digest_of(spec, Concern.WATCHING)


def _joined(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
