"""Fetches bundles from MLflow, and reads them only if they are what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from perennial.ensemble.files import MEMBERS, read_ensemble
from perennial.errors import TrainingError
from perennial.models.base import Base
from perennial.models.bundle import Bundle, check_files, files_of, read_bundle
from perennial.models.formats.skops_format import SkopsFormat
from perennial.models.formats.trusted_types import allowed_types
from perennial.models.manifest import Manifest
from perennial.models.model import Model
from perennial.models.recorded import RecordedBundle, find_bundle, recorded_bundles
from perennial.registry.direct import NotDirect, fetch_files
from perennial.registry.recorded_version import recorded_version
from perennial.registry.records import Champion

if TYPE_CHECKING:
    from perennial.registry.tracking import Tracker
    from perennial.run import Run


def recorded_manifest(run: Run, champion: Champion) -> Manifest:
    """Return a champion's manifest from its record in the store; nothing is fetched from MLflow.

    Raises
    ------
    TrainingError
        Perennial did not train the champion, or its record is gone.
    """
    return recorded_champion(run, champion).manifest


def load_champion(run: Run, champion: Champion) -> Bundle:
    """Return a champion's bundle; where several models serve together, those that can be read, with the weights of now.

    Raises
    ------
    BundleChanged
        A file is not the one that was trained.
    TrainingError
        Perennial did not train the champion, or it cannot be loaded here, such as when its transform can no longer be
        imported.
    TrackingUnavailable
        MLflow does not answer.
    """
    recorded = recorded_champion(run, champion)
    if recorded.manifest.members:
        weights = {member.mlflow_run_id: member.weight for member in champion.weights}
        return _load(run, f"models:/{run.spec.name}/{champion.version}", recorded, champion.name, weights or None)
    with run.store.scratch() as folder:
        try:
            fetch_files(run.tracking_uri, run.spec.name, champion.version, files_of(recorded), folder)
        except NotDirect:
            return _load(run, f"models:/{run.spec.name}/{champion.version}", recorded, champion.name)
        return read_bundle(folder, recorded, champion.name)


def load_candidate(run: Run, mlflow_run_id: str) -> Bundle:
    """Return the candidate that an MLflow run has logged, as it was before any refit.

    Raises the errors of `load_champion`.
    """
    recorded = _known(run, find_bundle(run.store, run.spec.name, mlflow_run_id), "the candidate")
    return _load(run, recorded.model_uri, recorded, "the candidate")


def load_base(run: Run, base: Base) -> Bundle:
    """Return the bundle of a champion, of now or before, that another model continues.

    Raises the errors of `load_champion`.
    """
    champion = Champion(version=base.version, mlflow_run_id=base.mlflow_run_id, bundle_digest=base.bundle_digest)
    recorded = recorded_champion(run, champion)
    return _load(run, recorded.model_uri, recorded, base.name)


def load_version(run: Run, version: str) -> tuple[str, Bundle]:
    """Return the number and the bundle of a registered version.

    Parameters
    ----------
    run : Run
    version : str
        A number, or an alias such as `champion`.

    Raises
    ------
    TrainingError
        There is no such version; otherwise the errors of `load_champion`.
    """
    from perennial.registry.aliases import version_by_alias, version_by_number
    from perennial.registry.tracking import Tracker

    tracker, name = Tracker(run.tracking_uri), run.spec.name
    found = (
        version_by_number(tracker, name, version) if version.isdecimal() else version_by_alias(tracker, name, version)
    )
    if found is None:
        raise TrainingError(f"{name} has no version {version!r} in the registry at {tracker.shown_uri}")
    number = str(found.version)
    who = f"version {number} of {name}"
    recorded = _known(run, recorded_version(run.store, found), who)
    return number, _load(run, f"models:/{name}/{number}", recorded, who)


def load_foreign(run: Run, champion: Champion) -> Model:
    """Return a model without a record, if it is a skops file with only types that the spec allows.

    Raises
    ------
    TrainingError
        It is not a skops file, or holds other types.
    TrackingUnavailable
        MLflow does not answer, or has no such file.
    """
    from perennial.registry.tracking import Tracker

    kept = SkopsFormat()
    with run.store.scratch() as folder:
        Tracker(run.tracking_uri).download_files(f"models:/{run.spec.name}/{champion.version}", [kept.file], folder)
        return kept.read(folder / kept.file, allowed_types(run.spec))


def fetch(tracker: Tracker, model_uri: str, recorded: RecordedBundle, folder: Path) -> Path:
    """Download a bundle's files from MLflow and return their folder.

    Files of members that no longer exist are left out.
    """
    names = files_of(recorded)
    if recorded.manifest.members:
        there = tracker.files_of_model(model_uri, MEMBERS)
        names = tuple(name for name in names if name in there or not name.startswith(MEMBERS))
    tracker.download_files(model_uri, names, folder)
    return folder


def recorded_by_digest(run: Run, mlflow_run_id: str, digest: str) -> RecordedBundle:
    """Return the record of one of an MLflow run's bundles: the candidate, its refit or its ensemble.

    Raises
    ------
    TrainingError
        There is no such record.
    """
    recorded = recorded_bundles(run.store, run.spec.name, mlflow_run_id)
    return _known(run, next((one for one in recorded if one.digest == digest), None), "the candidate")


def fetch_recorded(run: Run, recorded: RecordedBundle, folder: Path) -> Path:
    """Download a bundle's files from MLflow, compare each with its record, and return their folder.

    Raises
    ------
    BundleChanged
        A file is gone, or not the one that was logged.
    TrackingUnavailable
        MLflow does not answer.
    """
    from perennial.registry.tracking import Tracker

    fetch(Tracker(run.tracking_uri), recorded.model_uri, recorded, folder)
    check_files(folder, recorded, "the candidate")
    return folder


def load_recorded(run: Run, recorded: RecordedBundle) -> Bundle:
    """Return a bundle of which the caller has the record. Raises the errors of `load_champion`."""
    return _load(run, recorded.model_uri, recorded, "the candidate")


def recorded_champion(run: Run, champion: Champion) -> RecordedBundle:
    """Return what was written down of a champion; raises as `recorded_manifest`."""
    recorded = () if champion.is_foreign else recorded_bundles(run.store, run.spec.name, champion.mlflow_run_id)
    return _known(run, next((one for one in recorded if one.digest == champion.bundle_digest), None), champion.name)


def _known(run: Run, recorded: RecordedBundle | None, who: str) -> RecordedBundle:
    if recorded is None:
        raise TrainingError(
            f"the store has no record of {who}: Perennial did not train it, or not with the store {run.store.uri}"
        )
    return recorded


def _load(
    run: Run, model_uri: str, recorded: RecordedBundle, who: str, weights: Mapping[str, float] | None = None
) -> Bundle:
    from perennial.registry.tracking import Tracker

    with run.store.scratch() as folder:
        fetch(Tracker(run.tracking_uri), model_uri, recorded, folder)
        if recorded.manifest.members:
            return read_ensemble(folder, recorded, who, weights)
        return read_bundle(folder, recorded, who)
