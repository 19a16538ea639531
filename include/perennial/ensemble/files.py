"""An ensemble as files: a bundle that holds its members' bundles, each in a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perennial.ensemble.model import EnsembleModel
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
"""Tag of a registered version in which several models serve together: how many."""


def member_folder(mlflow_run_id: str) -> str:
    """Return the folder of a member's files within the ensemble's, with a slash at its end."""
    return f"{MEMBERS}{mlflow_run_id}/"


def member_files(member: Member) -> dict[str, str]:
    """Return a member's files within the ensemble's folder, and their SHA-256."""
    folder = member_folder(member.mlflow_run_id)
    return {folder + name: digest for name, digest in member.manifest.files.items()}


def read_ensemble(
    folder: Path, recorded: RecordedBundle, who: str, weights: Mapping[str, float] | None = None
) -> Bundle:
    """Read an ensemble as far as its members are what was recorded; its `model` and `twin` are EnsembleModel.

    Parameters
    ----------
    folder : Path
        A member whose files are not there counts as damaged.
    recorded : RecordedBundle
    who : str
        The model, for messages, such as 'champion v3'.
    weights : mapping of str to float, optional
        MLflow run of each member -> its weight now; default: those of the promotion.

    Raises
    ------
    BundleChanged
        The ensemble's own manifest is another than was recorded.
    TrainingError
        No member can be read; what is wrong with each is said.
    """
    check_digests(folder, {MANIFEST: recorded.digest}, who)
    return read_members(folder, recorded.manifest, who, weights)


def read_members(folder: Path, manifest: Manifest, who: str, weights: Mapping[str, float] | None = None) -> Bundle:
    """Read an ensemble of which the caller knows the manifest to be the right one; raises as `read_ensemble`."""
    served: dict[str, Model] = {}
    twins: dict[str, Model] = {}
    left_out = []
    for member in manifest.members:
        name = member.mlflow_run_id
        try:
            bundle = _read_member(folder, member, who)
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
    """Return the newest member of an ensemble as a bundle of its own; what is no ensemble as it is.

    Raises
    ------
    TrainingError
        It cannot be read.
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
    """Return the weights of members that are there, which sum to 1; all the same where none of them had any."""
    kept = [weights.get(name, 0.0) for name in members]
    return dict(zip(members, normalised(kept if any(kept) else [1.0] * len(kept)).tolist(), strict=True))


def _read_member(folder: Path, member: Member, who: str) -> Bundle:
    name = f"the model of {member.manifest.served.train_end:%Y-%m-%d} in {who}"
    place = folder / member_folder(member.mlflow_run_id)
    check_digests(place, member.manifest.files, name)
    return read_models(place, member.manifest, name)
