"""Registers each judged candidate as a version in the model registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perennial.ensemble.files import MEMBERS_TAG
from perennial.ensemble.records import Assembly
from perennial.errors import PromotionError
from perennial.evaluation.records import Evaluation
from perennial.models.candidate import Candidate
from perennial.models.refit import Refit
from perennial.printable import PrintableLog
from perennial.promotion.champion_move import PREVIOUS_TAG, promote
from perennial.promotion.records import RegisteredVersion, Verdict
from perennial.promotion.wording import by_how_much
from perennial.registry.aliases import CHALLENGER, CHAMPION, refuse_dry_run, version_by_alias
from perennial.registry.recorded_version import is_of
from perennial.registry.tracking import MlflowException, Tracker, again_on_conflict

if TYPE_CHECKING:
    from perennial.run import RetrainingRun

__all__ = ["promote", "register", "settle_challenger"]

log = PrintableLog(__name__)


@again_on_conflict
def register(
    run: RetrainingRun,
    candidate: Candidate,
    evaluation: Evaluation,
    verdict: Verdict,
    refit: Refit | None = None,
    assembly: Assembly | None = None,
) -> RegisteredVersion:
    """Make the candidate, its refit or its ensemble a version of the registered model, with tags that say how it was judged.

    A candidate has one version, however often this is called. A verdict that has changed since replaces the one in the
    version's tags, and the version of a refit or an ensemble replaces that of the candidate. A version that is not
    promoted gets the alias `challenger`, unless a newer one has it.

    Raises
    ------
    PromotionError
        The run is a dry run, or the evaluation is not of the candidate.
    TrackingUnavailable
        MLflow does not answer.
    """
    refuse_dry_run(run, "registers")
    if evaluation.mlflow_run_id != candidate.mlflow_run_id:
        raise PromotionError(
            f"the evaluation is of MLflow run {evaluation.mlflow_run_id} and the candidate is "
            f"{candidate.mlflow_run_id}: clear the run from 'evaluate' on"
        )
    tracker = Tracker(run.tracking_uri)
    name = run.spec.name
    logged = assembly or refit or candidate
    with tracker.connected():
        _ensure_model(tracker, name, run.spec.description)
        version = _ensure_version(
            tracker,
            name,
            candidate.mlflow_run_id,
            logged.model_uri,
            tags=_tags(run, logged, evaluation, verdict),
            description=" ".join(made.sentence for made in (verdict, refit, assembly) if made is not None),
        )
        for key, value in _judged(evaluation, verdict).items():
            tracker.client.set_tag(candidate.mlflow_run_id, key, value)
        settle_challenger(tracker, name, version, promotes=verdict.promotes)
    log.info("registered as version %s of %s: %s", version, name, verdict.sentence)
    return RegisteredVersion(name=name, version=version, alias=None if verdict.promotes else CHALLENGER)


def _ensure_model(tracker: Tracker, name: str, description: str) -> None:
    try:
        tracker.client.create_registered_model(name, description=description)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"):
            raise


def _ensure_version(
    tracker: Tracker, name: str, mlflow_run_id: str, model_uri: str, *, tags: dict[str, str], description: str
) -> str:
    model_id = model_uri.removeprefix("models:/")
    versions, others = _versions_of(tracker, name, mlflow_run_id, model_id)
    champion = version_by_alias(tracker, name, CHAMPION) if others else None
    for other in others:
        # What was champion once stays: someone may roll back to it.
        if PREVIOUS_TAG not in other.tags and (champion is None or champion.version != other.version):
            _delete_version(tracker, name, other.version)
    if not versions:
        model = tracker.client.get_logged_model(model_id)
        tracker.client.create_model_version(
            name,
            # The models:/ URI itself would be looked up on whatever server the process has as its default.
            model.artifact_location,
            run_id=mlflow_run_id,
            tags=tags,
            description=description,
            model_id=model.model_id,
        )
        # Two processes at once may both have found none and made one: the first version is kept.
        versions, _ = _versions_of(tracker, name, mlflow_run_id, model_id)
        for surplus in versions[1:]:
            _delete_version(tracker, name, surplus.version)
    first = versions[0]
    for key, value in tags.items():
        if first.tags.get(key) != value:
            tracker.client.set_model_version_tag(name, first.version, key, value)
    if first.description != description:
        tracker.client.update_model_version(name, first.version, description=description)
    return str(first.version)


def _versions_of(tracker: Tracker, name: str, mlflow_run_id: str, model_id: str) -> tuple[list[Any], list[Any]]:
    """Return the versions of a logged model, oldest first, and those of the other model of its MLflow run.

    An MLflow run may have two models: with and without a refit.
    """
    found = [one for one in tracker.client.search_model_versions(f"run_id = '{mlflow_run_id}'") if one.name == name]
    found.sort(key=lambda version: int(version.version))
    return [one for one in found if is_of(one, model_id)], [one for one in found if not is_of(one, model_id)]


def _delete_version(tracker: Tracker, name: str, version: str) -> None:
    try:
        tracker.client.delete_model_version(name, version)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def settle_challenger(tracker: Tracker, name: str, version: str, *, promotes: bool) -> None:
    """Give the alias `challenger` to a version that is not promoted and newer than the one that has it, or take it away."""
    holder = version_by_alias(tracker, name, CHALLENGER)
    held = None if holder is None else int(holder.version)
    if not promotes and (held is None or held < int(version)):
        tracker.client.set_registered_model_alias(name, CHALLENGER, version)
    elif promotes and held == int(version):
        # After another verdict, against another champion, the version is promoted: it is not a challenger any more.
        tracker.client.delete_registered_model_alias(name, CHALLENGER)


def _tags(
    run: RetrainingRun, logged: Candidate | Refit | Assembly, evaluation: Evaluation, verdict: Verdict
) -> dict[str, str]:
    primary = run.spec.evaluation.primary
    return {
        **logged.provenance.to_tags(),
        "perennial.bundle": logged.bundle_digest,
        **({MEMBERS_TAG: str(logged.members)} if isinstance(logged, Assembly) else {}),
        **_judged(evaluation, verdict),
        "perennial.judged_against": verdict.champion_version or "none",
        "perennial.primary_metric": primary,
        "perennial.primary_value": repr(evaluation.candidate.metrics.get(primary, float("nan"))),
    }


def _judged(evaluation: Evaluation, verdict: Verdict) -> dict[str, str]:
    """Return the tags of the verdict, the same for MLflow run and version."""
    compared = evaluation.comparison
    found = "not compared" if compared is None else f"{compared.metric}: {by_how_much(compared)}"
    blessings = {f"perennial.blessing.{one.name}": one.outcome for one in verdict.blessings}
    return {"perennial.verdict": verdict.outcome, **blessings, "perennial.comparison": found}
