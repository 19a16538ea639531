"""Whether what the registry and the ledger refer to is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perennial.backup.contents import read_contents
from perennial.backup.ledger_order import read_checks
from perennial.data.snapshots.manifest import load_manifest
from perennial.errors import DataError, PerennialError, TrackingUnavailable
from perennial.layout import MANIFEST, snapshots_folder
from perennial.models.skops_format import check_file, load_model
from perennial.registry.aliases import CHAMPION, version_by_alias
from perennial.registry.logged_model import MODEL_FILE
from perennial.registry.origin import read_origin
from perennial.registry.tracking import Tracker
from perennial.store.damage import Damaged
from perennial.store.protocol import Store

if TYPE_CHECKING:
    from perennial.spec import ModelSpec


@dataclass(frozen=True)
class Inventory:
    """What there is of a model, and what is missing.

    Attributes
    ----------
    champion : str or None
        Version with the alias.
    versions, snapshots, checks : int
        Registered versions, snapshots and ledger entries.
    problems : tuple of str
        A sentence for each thing that is referred to and not there, or not readable.
    objects : int or None
        How many objects were read whole; None: only the ledger was.
    """

    model: str
    champion: str | None
    versions: int
    snapshots: int
    checks: int
    problems: tuple[str, ...]
    objects: int | None = None

    def __str__(self) -> str:
        """Say it in a line."""
        champion = f"champion is version {self.champion}" if self.champion else "no champion"
        read = "" if self.objects is None else f", objects read whole: {self.objects}"
        return (
            f"{self.model}: {champion}; versions: {self.versions}, snapshots: {self.snapshots}, checks in the ledger: "
            f"{self.checks}{read}; {f'problems: {len(self.problems)}' if self.problems else 'all there'}"
        )


def verify(store: Store, tracking_uri: str, spec: ModelSpec, *, deep: bool = False) -> Inventory:
    """Look for every version's model file and snapshot, load the champion, read ledger and state.

    Parameters
    ----------
    store : Store
    tracking_uri : str
    spec : ModelSpec
    deep : bool
        Read every object of the store and every version's model file, and compare it with the digest that it carries.

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
    sizes = {item.key: item.size_bytes for item in store.list(snapshots_folder(model))}
    problems = [problem for version in versions for problem in _of_version(store, tracker, model, version, sizes)]
    if champion is not None and "perennial.snapshot" in champion.tags:
        problems += _of_champion(store, tracker, spec, champion.version)
    checks, broken = read_checks(store, model)
    contents = read_contents(store, model) if deep else None
    if deep:
        problems += [problem for version in versions for problem in _of_model_file(store, tracker, model, version)]
    return Inventory(
        model=model,
        champion=None if champion is None else str(champion.version),
        versions=len(versions),
        snapshots=sum(MANIFEST.has(key) for key in sizes),
        checks=checks,
        # What is read twice is named once.
        problems=tuple(dict.fromkeys((*problems, *broken, *(contents.problems if contents else ())))),
        objects=contents.read if contents else None,
    )


def _of_champion(store: Store, tracker: Tracker, spec: ModelSpec, version: str) -> list[str]:
    try:
        with store.scratch() as folder:
            load_model(tracker.download_file(f"models:/{spec.name}/{version}", MODEL_FILE, folder), spec)
    except PerennialError as error:
        return [f"champion: {error}"]
    return []


def _of_version(store: Store, tracker: Tracker, model: str, version: Any, sizes: dict[str, int]) -> Iterator[str]:
    number = version.version
    try:
        digest = read_origin(version.tags).snapshot_digest
    except ValueError as error:
        yield f"version {number}: its tags cannot be read: {error}. MLflow run {version.run_id} has them as they were"
        return
    if not digest:
        return  # registered by someone else
    if MODEL_FILE not in tracker.files_of_model(f"models:/{model}/{number}"):
        yield f"version {number}: its file {MODEL_FILE} is not in MLflow's artifact storage"
    try:
        manifest = load_manifest(store, model, digest)
    except (DataError, Damaged) as error:
        yield f"version {number}: {error}"
        return
    for part in manifest.parts:
        key = manifest.prefix + part.name
        if sizes.get(key) != part.size_bytes:
            yield f"version {number}: {key} should have {part.size_bytes} bytes and has {sizes.get(key, 'none')}"


def _of_model_file(store: Store, tracker: Tracker, model: str, version: Any) -> Iterator[str]:
    if not version.tags.get("perennial.snapshot"):
        return  # registered by someone else, in whatever format
    try:
        with store.scratch() as folder:
            check_file(tracker.download_file(f"models:/{model}/{version.version}", MODEL_FILE, folder))
    except TrackingUnavailable:
        raise
    except PerennialError as error:
        yield f"version {version.version}: {error}"
