"""Whether what the registry and the ledger refer to is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perennial.backup.contents import read_contents
from perennial.backup.ledger_order import read_checks
from perennial.data.snapshots.manifest import load_manifest
from perennial.ensemble.files import MEMBERS, MEMBERS_TAG, read_ensemble
from perennial.errors import DataError, PerennialError, TrackingUnavailable
from perennial.layout import BUNDLE, ENSEMBLE_BUNDLE, MANIFEST, REFIT_BUNDLE, snapshots_folder
from perennial.models.bundle import check_files, files_of, read_bundle
from perennial.models.provenance import Provenance
from perennial.models.recorded import RecordedBundle
from perennial.registry.aliases import CHAMPION, version_by_alias
from perennial.registry.bundles import fetch
from perennial.registry.recorded_version import recorded_version
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
        How many objects were read in full; None: only the ledger was read.
    """

    model: str
    champion: str | None
    versions: int
    snapshots: int
    checks: int
    problems: tuple[str, ...]
    objects: int | None = None

    def __str__(self) -> str:
        """Return a summary in one line."""
        champion = f"champion is version {self.champion}" if self.champion else "no champion"
        read = "" if self.objects is None else f", objects read whole: {self.objects}"
        return (
            f"{self.model}: {champion}; versions: {self.versions}, snapshots: {self.snapshots}, checks in the ledger: "
            f"{self.checks}{read}; {f'problems: {len(self.problems)}' if self.problems else 'all there'}"
        )


def verify(store: Store, tracking_uri: str, spec: ModelSpec, *, deep: bool = False) -> Inventory:
    """Look for every version's model file and snapshot, load the champion, and examine ledger and state.

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
    if champion is not None:
        problems += _of_champion(store, tracker, model, champion)
    checks, broken = read_checks(store, model)
    contents = read_contents(store, model) if deep else None
    if deep:
        problems += [problem for version in versions for problem in _of_files(store, tracker, model, version)]
    return Inventory(
        model=model,
        champion=None if champion is None else str(champion.version),
        versions=len(versions),
        snapshots=sum(MANIFEST.has(key) for key in sizes),
        checks=checks,
        # An object that is read twice may report the same problem twice.
        problems=tuple(dict.fromkeys((*problems, *broken, *(contents.problems if contents else ())))),
        objects=contents.read if contents else None,
    )


def _of_champion(store: Store, tracker: Tracker, model: str, version: Any) -> Iterator[str]:
    """Load the champion by its record. A foreign champion has no record, so it is not loaded."""
    recorded, broken = _recorded(store, model, version)
    yield from broken
    if recorded is None:
        return
    try:
        with store.scratch() as folder:
            who = f"champion v{version.version}"
            fetch(tracker, f"models:/{model}/{version.version}", recorded, folder)
            if recorded.manifest.members:
                yield from read_ensemble(folder, recorded, who).left_out
            else:
                read_bundle(folder, recorded, who)
    except TrackingUnavailable:
        raise
    except PerennialError as error:
        yield f"version {version.version}: {error}"


def _of_version(store: Store, tracker: Tracker, model: str, version: Any, sizes: dict[str, int]) -> Iterator[str]:
    number = version.version
    recorded, broken = _recorded(store, model, version)
    yield from broken
    if recorded is None:
        return
    provenance = recorded.manifest.provenance
    if not _says(version, provenance):
        yield f"version {number}: its tags differ from the record; {_record_key(model, version)} has them as they were"
    uri = f"models:/{model}/{number}"
    there = (*tracker.files_of_model(uri), *(tracker.files_of_model(uri, MEMBERS) if recorded.manifest.members else ()))
    for name in files_of(recorded):
        if name not in there:
            yield f"version {number}: its file {name} is not in MLflow's artifact storage"
    try:
        manifest = load_manifest(store, model, provenance.snapshot_digest)
    except (DataError, Damaged) as error:
        yield f"version {number}: {error}"
        return
    for part in manifest.parts:
        key = manifest.prefix + part.name
        if sizes.get(key) != part.size_bytes:
            yield f"version {number}: {key} should have {part.size_bytes} bytes and has {sizes.get(key, 'none')}"


def _of_files(store: Store, tracker: Tracker, model: str, version: Any) -> Iterator[str]:
    recorded, _ = _recorded(store, model, version)
    if recorded is None:
        return
    try:
        with store.scratch() as folder:
            who = f"version {version.version}"
            check_files(fetch(tracker, f"models:/{model}/{version.version}", recorded, folder), recorded, who)
    except TrackingUnavailable:
        raise
    except PerennialError as error:
        yield str(error)


def _recorded(store: Store, model: str, version: Any) -> tuple[RecordedBundle | None, list[str]]:
    """Return a version's record and its problems. A version that someone else registered has neither."""
    try:
        recorded = recorded_version(store, version)
    except Damaged as damage:
        return None, [f"version {version.version}: {damage}"]
    if recorded is None and "perennial.bundle" in version.tags:
        return None, [
            f"version {version.version}: the store has no record of it ({_record_key(model, version)}), so it is taken "
            "for one that Perennial did not train: put the record back from a backup (docs/deploy.md)"
        ]
    return recorded, []


def _record_key(model: str, version: Any) -> str:
    if MEMBERS_TAG in version.tags:
        return ENSEMBLE_BUNDLE.key(model, version.run_id or "", version.tags.get("perennial.bundle", ""))
    place = REFIT_BUNDLE if "perennial.twin_train_end" in version.tags else BUNDLE
    return place.key(model, version.run_id or "")


def _says(version: Any, provenance: Provenance) -> bool:
    """Tell whether a version's tags are still those that were recorded."""
    try:
        return Provenance.from_tags(version.tags) == provenance
    except ValueError:
        return False
