"""Whether what the registry and the ledger refer to is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perennial.data.manifest import MANIFEST, load_manifest
from perennial.errors import DataError, PerennialError
from perennial.monitoring.ledger import read_ledger
from perennial.monitoring.state import load_state
from perennial.promotion.aliases import CHAMPION, version_by_alias
from perennial.store.protocol import Store
from perennial.training.logged_model import MODEL_FILE
from perennial.training.model_file import load_model
from perennial.training.tracking import Tracker

if TYPE_CHECKING:
    from perennial.spec import ModelSpec


@dataclass(frozen=True)
class Found:
    """What there is of a model, and what is missing.

    Attributes
    ----------
    champion : str or None
        Version with the alias.
    versions, snapshots, checks : int
        Registered versions, snapshots and ledger entries.
    problems : tuple of str
        A sentence for each thing that is referred to and not there, or not readable.
    """

    model: str
    champion: str | None
    versions: int
    snapshots: int
    checks: int
    problems: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in a line."""
        champion = f"champion is version {self.champion}" if self.champion else "no champion"
        return (
            f"{self.model}: {champion}; versions: {self.versions}, snapshots: {self.snapshots}, checks in the ledger: "
            f"{self.checks}; {f'problems: {len(self.problems)}' if self.problems else 'all there'}"
        )


def verify(store: Store, tracking_uri: str, spec: ModelSpec) -> Found:
    """Look for every version's model file and snapshot, load the champion, read ledger and state.

    Raises
    ------
    TrackingUnavailable, StoreUnavailable
        A server does not answer.
    """
    tracker = Tracker(tracking_uri)
    model = spec.name
    champion = version_by_alias(tracker, model, CHAMPION)
    with tracker.connected():
        versions = tracker.client.search_model_versions(f"name = '{model}'")
    sizes = {item.key: item.size_bytes for item in store.list(f"{model}/snapshots/")}
    problems = [problem for version in versions for problem in _of_version(store, tracker, model, version, sizes)]
    if champion is not None and "perennial.snapshot" in champion.tags:
        problems += _of_champion(store, tracker, spec, champion.version)
    checks, broken = _ledger(store, model)
    return Found(
        model=model,
        champion=None if champion is None else str(champion.version),
        versions=len(versions),
        snapshots=sum(key.endswith(f"/{MANIFEST}") for key in sizes),
        checks=checks,
        problems=(*problems, *broken),
    )


def _of_champion(store: Store, tracker: Tracker, spec: ModelSpec, version: str) -> list[str]:
    try:
        with store.scratch() as folder:
            load_model(tracker.download_file(f"models:/{spec.name}/{version}", MODEL_FILE, folder), spec)
    except PerennialError as error:
        return [f"champion: {error}"]
    return []


def _of_version(store: Store, tracker: Tracker, model: str, version: Any, sizes: dict[str, int]) -> Iterator[str]:
    number, tags = version.version, version.tags
    digest = tags.get("perennial.snapshot")
    if digest is None:
        return  # registered by someone else
    if MODEL_FILE not in tracker.files_of_model(f"models:/{model}/{number}"):
        yield f"version {number}: its file {MODEL_FILE} is not in MLflow's artifact storage"
    try:
        manifest = load_manifest(store, model, digest)
    except DataError as error:
        yield f"version {number}: {error}"
        return
    for part in manifest.parts:
        key = manifest.prefix + part.name
        if sizes.get(key) != part.size_bytes:
            yield f"version {number}: {key} should have {part.size_bytes} bytes and has {sizes.get(key, 'none')}"


def _ledger(store: Store, model: str) -> tuple[int, list[str]]:
    broken = []
    checks = 0
    try:
        checks = len(read_ledger(store, model))
        load_state(store, model)
    except (PerennialError, ValueError) as error:
        broken.append(f"ledger or state cannot be read: {error}")
    return checks, broken
