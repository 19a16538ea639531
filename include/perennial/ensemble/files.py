"""An ensemble as files: a bundle that contains its members' bundles, each in its own folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perennial.ensemble.model import EnsembleModel
from perennial.ensemble.names import named
from perennial.ensemble.weights import normalised
from perennial.errors import TrainingError
from perennial.models.bundle import MANIFEST, Bundle, check_digests, read_models
from perennial.models.manifest import Manifest, Member
from perennial.models.model import Model
from perennial.models.recorded import RecordedBundle
from perennial.printable import PrintableLog

log = PrintableLog(__name__)

FORMAT, FORMAT_VERSION = "ensemble", 1
MEMBERS = "members/"
"""Folder of all members' folders."""
MEMBERS_TAG = "perennial.members"
"""Tag of a registered version with the number of models that serve together in it."""


def member_folder(mlflow_run_id: str) -> str:
    """Return the folder of a member's files in the ensemble's folder, with a slash at its end."""
    return f"{MEMBERS}{mlflow_run_id}/"


def member_files(member: Member) -> dict[str, str]:
    """Return path in the ensemble's folder -> hexadecimal SHA-256, for a member's files."""
    folder = member_folder(member.mlflow_run_id)
    return {folder + name: digest for name, digest in member.manifest.files.items()}


def read_ensemble(
    folder: Path, recorded: RecordedBundle, who: str, weights: Mapping[str, float] | None = None
) -> Bundle:
    """Read an ensemble, without members whose files are not what was recorded.

    `model` and `twin` of the bundle are EnsembleModel.

    Parameters
    ----------
    folder : Path
        The ensemble's files. A member whose files are missing counts as damaged.
    recorded : RecordedBundle
    who : str
        Name of the model in messages, such as 'champion v3'.
    weights : mapping of str to float, optional
        MLflow run of each member -> its weight now; default: the weights of the promotion.

    Raises
    ------
    BundleChanged
        The ensemble's own manifest is not the recorded one.
    TrainingError
        No member can be read; the message says why for each.
    """
    check_digests(folder, {MANIFEST: recorded.digest}, who)
    return read_members(folder, recorded.manifest, who, weights)


def read_members(folder: Path, manifest: Manifest, who: str, weights: Mapping[str, float] | None = None) -> Bundle:
    """Read an ensemble whose manifest the caller has verified. Raises the errors of `read_ensemble`."""
    served: dict[str, Model] = {}
    twins: dict[str, Model] = {}
    left_out = []
    rows = [member.manifest.served for member in manifest.members]
    for member in manifest.members:
        name = member.mlflow_run_id
        try:
            bundle = _read_member(folder, member, named(member.manifest.served, rows), who)
        except TrainingError as error:
            left_out.append(f"a member of {who} is left out, and the others serve: {error}")
            continue
        served[name], twins[name] = bundle.model, bundle.twin
    for sentence in left_out:
        log.warning("%s", sentence)
    if not served:
        raise TrainingError(f"no member of {who} can be read: {'; '.join(left_out)}")
    promoted = {member.mlflow_run_id: member.weight for member in manifest.members}
    shares = share_out(promoted if weights is None else weights, tuple(served))
    return Bundle(manifest, EnsembleModel(served, shares), EnsembleModel(twins, shares), tuple(left_out))


def newest_member(bundle: Bundle) -> Bundle:
    """Return the newest member of an ensemble as a bundle; a bundle that is not an ensemble is returned as it is.

    Raises
    ------
    TrainingError
        The newest member cannot be read.
    """
    served, twins = bundle.model, bundle.twin
    if not isinstance(served, EnsembleModel) or not isinstance(twins, EnsembleModel):
        return bundle
    newest = bundle.manifest.members[-1]
    if newest.mlflow_run_id not in served.members:
        raise TrainingError("; ".join(bundle.left_out))
    name = newest.mlflow_run_id
    return Bundle(newest.manifest, served.members[name], twins.members[name])


def share_out(weights: Mapping[str, float], members: tuple[str, ...]) -> dict[str, float]:
    """Return the weights of the members that could be read, with sum 1; equal weights if none of them had any."""
    kept = [weights.get(name, 0.0) for name in members]
    return dict(zip(members, normalised(kept if any(kept) else [1.0] * len(kept)).tolist(), strict=True))


def _read_member(folder: Path, member: Member, day: str, who: str) -> Bundle:
    name = f"the model of {day} in {who}"
    place = folder / member_folder(member.mlflow_run_id)
    check_digests(place, member.manifest.files, name)
    return read_models(place, member.manifest, name)
