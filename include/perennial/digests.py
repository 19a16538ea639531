"""Digests that name what is kept between runs.

Each covers exactly those settings and data that can change the thing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from perennial.spec.concerns import Concern, digest_of, recipe_concerns

if TYPE_CHECKING:
    from perennial.spec import ModelSpec, Window


def recipe_digest(spec: ModelSpec) -> str:
    """Return the digest of how a model is made from rows: the spec's fields for features and fit."""
    return digest_of(spec, *recipe_concerns(spec))


def candidate_digest(
    spec: ModelSpec,
    *,
    run_id: str,
    snapshot_digest: str,
    window: Window,
    transform_digest: str,
    libraries: Mapping[str, str],
    base: str = "",
) -> str:
    """Return the digest of a candidate: its run, rows, recipe, folds, transform, libraries, and what it continues.

    Parameters
    ----------
    spec : ModelSpec
    run_id : str
        Each retraining has a candidate of its own, even for the same rows.
    snapshot_digest : str
    window : Window
        With the snapshot's digest: the rows.
    transform_digest : str
        Digest of the source of the user's transform; empty without a transform.
    libraries : mapping of distribution to version
        Those that fit the model.
    base : str
        Digest of the bundle of the champion that may be continued; empty: it is trained in full.
    """
    versions = (f"{name}=={version}" for name, version in sorted(libraries.items()))
    recipe = digest_of(spec, Concern.FEATURES, Concern.FITTING, Concern.FOLDS)
    continued = [base] if base else []
    return _joined(run_id, snapshot_digest, window.model_dump_json(), recipe, transform_digest, *versions, *continued)


def space_digest(spec: ModelSpec) -> str:
    """Return the digest of what a search is for: candidates, sampler, metric and folds, whatever the rows."""
    return digest_of(spec, Concern.FEATURES, Concern.FITTING, Concern.FOLDS, Concern.SEARCH)


def search_digest(
    spec: ModelSpec, *, snapshot_digest: str, window: Window, transform_digest: str, libraries: Mapping[str, str]
) -> str:
    """Return the digest of a search on given rows; for the parameters see `candidate_digest`."""
    versions = (f"{name}=={version}" for name, version in sorted(libraries.items()))
    return _joined(snapshot_digest, window.model_dump_json(), space_digest(spec), transform_digest, *versions)


def retraining_digest(spec: ModelSpec) -> str:
    """Return the digest of all fields that can change a retraining on given rows, or its verdict."""
    return digest_of(spec, Concern.ROWS, Concern.SEARCH, *recipe_concerns(spec), Concern.JUDGING)


def reference_digest(spec: ModelSpec, bundle_digest: str) -> str:
    """Return the digest of a champion's reference. The bundle's digest covers its rows, features and split."""
    concerns = (Concern.REFERENCE, *([Concern.SLICES] if spec.evaluation.slices is not None else []))
    return _joined(bundle_digest, digest_of(spec, *concerns))


def check_digest(spec: ModelSpec) -> str:
    """Return the digest of all fields that can change a check. The champion is not part of it: the check names that."""
    return digest_of(spec, Concern.WATCHING)


def replay_digest(
    spec: ModelSpec, *, rows: str, ends: Iterable[str], transform_digest: str, libraries: Mapping[str, str]
) -> str:
    """Return the digest of a replay's models: the same rows, moments, recipe, transform and libraries make the same.

    Parameters
    ----------
    spec : ModelSpec
    rows : str
        Names the history by its content.
    ends : iterable of str
        The moments at which models are trained.
    transform_digest : str
    libraries : mapping of distribution to version
    """
    versions = (f"{name}=={version}" for name, version in sorted(libraries.items()))
    concerns = digest_of(spec, Concern.ROWS, Concern.SEARCH, *recipe_concerns(spec), Concern.REPLAY)
    return _joined(rows, *ends, concerns, transform_digest, *versions)


def _joined(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
