"""Which models serve together: the newest promoted ones that predict the same target from the same columns. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from perennial.ensemble.files import FORMAT, FORMAT_VERSION, member_files
from perennial.ensemble.names import named
from perennial.models.manifest import Manifest, MeanLoss, Member
from perennial.models.predictions import join_labels


def members_of(manifest: Manifest, mlflow_run_id: str) -> tuple[Member, ...]:
    """Return the members of a bundle, oldest first; if it holds a single model, this model with weight 1."""
    return manifest.members or (Member(mlflow_run_id=mlflow_run_id, weight=1.0, manifest=manifest),)


def stay_members(
    earlier: Sequence[Member], candidate: Manifest, *, room: int, idle: Collection[str] = ()
) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    """Choose which members of a champion stay members together with a candidate.

    Parameters
    ----------
    earlier : sequence of Member
        The champion's members, oldest first.
    candidate : Manifest
    room : int
        Largest number of members that may stay, 0 or more.
    idle : collection of str
        MLflow runs of members that have had almost no weight for so long that they are dropped.

    Returns
    -------
    tuple of Member
        The members that stay, oldest first. A member is dropped if it has another task or target, if its transform has
        changed, or if it reads a column that the candidate does not read or reads with another type.
    tuple of str
        A sentence for each member that was dropped although there is room for it.
    """
    stay, dropped = [], []
    rows = [member.manifest.served for member in earlier]
    for member in earlier:
        why = _unlike(member.manifest, candidate) or (
            "it has had almost no weight for over a year" if member.mlflow_run_id in idle else ""
        )
        if why:
            dropped.append(f"the model of {named(member.manifest.served, rows)} does not serve any more: {why}")
        else:
            stay.append(member)
    return tuple(stay[max(0, len(stay) - room) :]), tuple(dropped)


def ensemble_manifest(
    members: Sequence[Member], baseline_scores: Mapping[str, float], expected_loss: MeanLoss
) -> Manifest:
    """Return the manifest of members that serve together: the newest member's, changed only where they differ.

    Parameters
    ----------
    members : sequence of Member
        The members, oldest first, with their weights at the promotion.
    baseline_scores : mapping of metric to value
        Metrics of their twins together, on the newest member's holdout.
    expected_loss : MeanLoss
        Mean loss of the same.
    """
    newest = members[-1].manifest
    files = {name: digest for member in members for name, digest in member_files(member).items()}
    return newest.model_copy(
        update={
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "files": files,
            "types": (),
            "labels": join_labels(*(member.manifest.labels for member in members)),
            "members": tuple(members),
            "baseline_scores": dict(baseline_scores),
            "expected_loss": expected_loss,
        }
    )


def _unlike(member: Manifest, candidate: Manifest) -> str:
    if (member.task, member.target) != (candidate.task, candidate.target):
        return f"it is a model of {member.task} for {member.target!r}"
    made, now = member.provenance, candidate.provenance
    if (member.transform, made.transform_digest) != (candidate.transform, now.transform_digest):
        return "its features were made by another transform than today's"
    foreign = [name for name, dtype in member.inputs.items() if candidate.inputs.get(name) != dtype]
    if foreign:
        return f"it reads columns that the candidate does not read, or reads with another type: {', '.join(foreign)}"
    return ""
