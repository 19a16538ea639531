"""Who serves together: the newest promoted models, as far as they can answer the same question. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from perennial.ensemble.files import FORMAT, FORMAT_VERSION, member_files
from perennial.models.manifest import Manifest, MeanLoss, Member
from perennial.models.predictions import join_labels


def members_of(manifest: Manifest, mlflow_run_id: str) -> tuple[Member, ...]:
    """Return the members of a bundle, oldest first; of one that holds a single model, that one with all the weight."""
    return manifest.members or (Member(mlflow_run_id=mlflow_run_id, weight=1.0, manifest=manifest),)


def stay_members(
    earlier: Sequence[Member], candidate: Manifest, *, at_most: int, idle: Collection[str] = ()
) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    """Choose which members of a champion go on beside a candidate.

    Parameters
    ----------
    earlier : sequence of Member
        The champion's, oldest first.
    candidate : Manifest
    at_most : int
        Members, the candidate among them.
    idle : collection of str
        MLflow runs of those that have carried no weight for so long that they are dropped.

    Returns
    -------
    tuple of Member
        Oldest first. One that is of another task or target, whose transform has changed, or that reads a column that the
        candidate does not read, or reads as another type, is not among them.
    tuple of str
        A sentence for each that was dropped though there is room for it.
    """
    stay, dropped = [], []
    for member in earlier:
        why = _unlike(member.manifest, candidate) or (
            "it has carried no weight for over a year" if member.mlflow_run_id in idle else ""
        )
        if why:
            dropped.append(f"the model of {member.manifest.served.train_end:%Y-%m-%d} serves no longer: {why}")
        else:
            stay.append(member)
    return tuple(stay[max(0, len(stay) + 1 - at_most) :]), tuple(dropped)


def ensemble_manifest(
    members: Sequence[Member], baseline_scores: Mapping[str, float], expected_loss: MeanLoss
) -> Manifest:
    """Return the manifest of members that serve together: where they do not differ, it says what the newest one's says.

    Parameters
    ----------
    members : sequence of Member
        Oldest first, with the weights of the promotion.
    baseline_scores : mapping of metric to value
        Of their twins together, on the newest one's holdout.
    expected_loss : MeanLoss
        The same.
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
        return "its features were made by another transform than now"
    foreign = [name for name, dtype in member.inputs.items() if candidate.inputs.get(name) != dtype]
    if foreign:
        return f"it reads what the candidate does not read, or reads as another type: {', '.join(foreign)}"
    return ""
