"""The operator of approve: a person decides on a candidate, in Airflow's web interface or over its REST API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param

from perennial_airflow.alerts.callbacks import tell_of_question
from perennial_airflow.markdown import plain
from perennial_airflow.operators.stage import StageOperator
from perennial_airflow.pages import model_card_page, version_page

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.promotion.records import RegisteredVersion, Verdict
    from perennial.run import RetrainingRun

APPROVE, REFUSE = "Approve", "Refuse"
REASON = "reason"


class ApproveOperator(StageOperator):
    """Asks a person whether the candidate may become champion, and waits without a worker or a triggerer.

    Who may answer is the spec's to say (`approval.approvers`), besides Airflow's own permissions. Without an answer in
    `approval.hours` the candidate is refused. Skipped if the verdict leaves nothing to decide.

    A cleared task asks again. Airflow shows the text and the persons of the first question then, so the answer is held
    against the spec of that moment here.

    If the champion has changed before the question or while it waited, nobody's approval counts: another run judges the
    candidate again, and asks.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Put the question, and wait for the answer; if it was given and carried out, return the verdict.

        Raises
        ------
        TaskAwaitingInput
            Airflow calls `answered` when there is an answer, or no more time.
        AirflowSkipException
            There is nothing to ask.
        DagRunTriggerException
            The champion has changed since `evaluate`.
        """
        from airflow.sdk.exceptions import TaskAwaitingInput
        from airflow.sdk.execution_time.hitl import HITLUser, upsert_hitl_detail

        from perennial.promotion.approval import promoted_before

        run = self.retraining_run(context)
        self.skip_if_nothing_to_do(run)
        registered, verdict = self._registered, self._verdict
        settled = promoted_before(run, registered, verdict)
        if settled is not None:
            self.log.info("version %s of %s is champion already", registered.version, registered.name)
            self.outcome = settled.model_dump(mode="json")
            return self.outcome
        self._judge_again_if_champion_changed(run, context)
        approval = self.spec.approval
        upsert_hitl_detail(
            ti_id=context["ti"].id,
            options=[APPROVE, REFUSE],
            subject=f"{registered.name}: may version {registered.version} become champion?",
            body=self.body(registered, verdict, context["dag_run"].run_id),
            defaults=[REFUSE],
            params={REASON: Param("", type="string", title="Reason", description=_why(verdict)).serialize()},
            assigned_users=[HITLUser(id=one, name=one) for one in approval.approvers],
        )
        tell_of_question(self.spec, registered, verdict, context)
        self.log.info("waiting for an answer, for %g hours at most", approval.hours)
        raise TaskAwaitingInput(method_name="answered", timeout=timedelta(hours=approval.hours))

    def answered(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Keep the answer, and return the verdict that follows as JSON.

        Raises
        ------
        PromotionError
            Whoever answered may not by the spec as it is now, or approved what was rejected without a reason.
        DagRunTriggerException
            The answer approves, and the champion has changed since `evaluate`.
        """
        from dataclasses import replace

        from perennial.answer import Answer
        from perennial.errors import PromotionError

        user = event.get("responded_by_user")
        by = user["name"] if user else "nobody"
        approvers = self.spec.approval.approvers
        if user and approvers and not {user["id"], user["name"]}.intersection(approvers):
            raise PromotionError(
                f"{by} has answered, but only {', '.join(approvers)} may by the spec as it is now; Airflow keeps whom the "
                "first question of a run was put to. Clear 'approve' for one of them to answer, or retrain"
            )
        answer = Answer(
            approved=event["chosen_options"] == [APPROVE],
            by=by,
            at=event.get("responded_at") or datetime.now(UTC),
            reason=(event.get("params_input") or {}).get(REASON) or ("" if user else self._time_is_over()),
        )
        run = replace(self.retraining_run(context), answer=answer)
        if answer.approved:
            self._judge_again_if_champion_changed(run, context)
        return self.run_stage(run)

    def _judge_again_if_champion_changed(self, run: RetrainingRun, context: Context) -> None:
        from perennial.promotion.approval import champion_since
        from perennial_airflow.judged_again import judge_again

        verdict = self._verdict
        champion = champion_since(run, self._registered, verdict)
        if champion is not None:
            judged = "without one" if verdict.champion_version is None else f"against v{verdict.champion_version}"
            why = f"The champion is {champion} now, and the candidate was judged {judged}."
            self.log.warning("%s It goes back to 'evaluate', in a run of its own, and nobody's approval is kept", why)
            judge_again(context, self.spec.name, champion=champion, why=why)

    def _time_is_over(self) -> str:
        approval = self.spec.approval
        if not approval.approvers:
            return "the time for an answer is over"
        # Airflow takes any id, and lets nobody else answer.
        return (
            f"none of {', '.join(approval.approvers)} has answered in {approval.hours:g} hours: see that approval.approvers "
            "has ids of Airflow users"
        )

    def body(self, registered: RegisteredVersion, verdict: Verdict, run_id: str) -> str:
        """Return the question's text, in Markdown."""
        lines = [plain(verdict.sentence), ""]
        for blessing in verdict.blessings:
            lines += [f"**{blessing.name}: {blessing.outcome}**", ""]
            lines += [
                f"- {'passed' if gate.passed else 'NOT PASSED'}: {plain(gate.sentence)}" for gate in blessing.gates
            ]
            lines.append("")
        page = version_page(registered.name, registered.version, self.spec.region)
        champion = (
            f"The champion is version {verdict.champion_version}." if verdict.champion_version else "No champion yet."
        )
        card = f"[The model card]({model_card_page(registered.name, self.retraining_id or run_id)})"
        return "\n".join([*lines, champion, card, f"[The version in MLflow]({page})" if page else "", f"Run: {run_id}"])

    @property
    def _registered(self) -> RegisteredVersion:
        from perennial.promotion.records import RegisteredVersion

        return RegisteredVersion.model_validate(self.takes["registered"])

    @property
    def _verdict(self) -> Verdict:
        from perennial.promotion.records import Verdict

        return Verdict.model_validate(self.takes["verdict"])


def _why(verdict: Verdict) -> str:
    if verdict.outcome == "reject":
        return "Why it is refused, or why it is promoted although gates failed: that needs a reason."
    return "Kept with the version. Please say why if you refuse."
