"""What a person answered about a candidate: kept with the run's reports and in the version's tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.errors import PromotionError
from perennial.printable import PrintableLog
from perennial.promotion.answers import keep_answer, with_answer
from perennial.promotion.records import RegisteredVersion, Verdict
from perennial.promotion.registry import settle_challenger
from perennial.registry.aliases import CHAMPION, version_by_alias
from perennial.registry.tracking import Tracker, again_on_conflict

if TYPE_CHECKING:
    from perennial.run import RetrainingRun

log = PrintableLog(__name__)

TAG = "perennial.approval"


def question(verdict: Verdict) -> str:
    """Return what a person is asked, in words."""
    if verdict.outcome == "reject":
        return "Promote this candidate although gates failed? That needs a reason."
    return "Promote this candidate?"


def promoted_before(run: RetrainingRun, registered: RegisteredVersion, verdict: Verdict) -> Verdict | None:
    """Return the verdict with the approval by which the candidate is champion already; None: it is not.

    A cleared run has nothing left to ask then.

    Raises
    ------
    Damaged
        The answer is not what was written.
    TrackingUnavailable
        MLflow does not answer.
    """
    found = version_by_alias(Tracker(run.tracking_uri), registered.name, CHAMPION)
    if found is None or str(found.version) != registered.version:
        return None
    settled = with_answer(run.store, run.spec.name, run.run_id, verdict)
    return settled if settled.promotes else None


def champion_since(run: RetrainingRun, registered: RegisteredVersion, verdict: Verdict) -> str | None:
    """Return which champion there is now, such as `v7` or `none`, if it is not the one that the verdict is about.

    None: the verdict holds, or the candidate itself is champion already. After another champion a question, and an
    approval, is about figures that nobody may rely on: the candidate has to go back to `evaluate`.

    Raises
    ------
    TrackingUnavailable
        MLflow does not answer.
    """
    found = version_by_alias(Tracker(run.tracking_uri), registered.name, CHAMPION)
    version = None if found is None else str(found.version)
    if version in (verdict.champion_version, registered.version):
        return None
    return "none" if version is None else f"v{version}"


def approve(run: RetrainingRun, registered: RegisteredVersion, verdict: Verdict) -> Verdict:
    """Keep the answer of a person, and return the verdict that follows.

    Raises
    ------
    PromotionError
        Nobody has answered, or approved a candidate that was rejected without giving a reason.
    TrackingUnavailable
        MLflow does not answer.
    """
    answer = run.answer
    if answer is None:
        raise PromotionError(f"nobody was asked whether {registered.name} v{registered.version} may be promoted")
    if answer.approved and verdict.outcome == "reject" and not answer.reason:
        raise PromotionError(
            f"{registered.name} v{registered.version} was rejected by its gates, and {answer.by} approved it without a "
            "reason: clear 'approve' to be asked again, and say why"
        )
    settled = verdict.answered(answer)
    keep_answer(run.store, run.spec.name, run.run_id, verdict, answer)
    _tag(Tracker(run.tracking_uri), registered, settled)
    log.info(settled.sentence)
    return settled


@again_on_conflict
def _tag(tracker: Tracker, registered: RegisteredVersion, verdict: Verdict) -> None:
    answer = verdict.answer
    assert answer is not None  # noqa: S101 - it was just given
    said = "refused" if not answer.approved else "approved" if verdict.outcome != "reject" else "approved against gates"
    tags = {TAG: said, f"{TAG}.by": answer.by, f"{TAG}.at": answer.at.isoformat(), f"{TAG}.reason": answer.reason}
    with tracker.connected():
        for key, value in tags.items():
            tracker.client.set_model_version_tag(registered.name, registered.version, key, value)
        settle_challenger(tracker, registered.name, registered.version, promotes=verdict.promotes)
