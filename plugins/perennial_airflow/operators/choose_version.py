"""The operator of choose: a person chooses the version to go back to, from a list with figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator, Param, RetryPolicy

from perennial_airflow.building.retries import RETRY_WHAT_CAN_CHANGE
from perennial_airflow.deployment import deployment
from perennial_airflow.markdown import plain

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.rollback.choices import Choices
    from perennial.spec import ModelSpec

LIST = "list"
"""Stands in the form for a version that is chosen from the list."""
GO_BACK, LEAVE = "Roll back", "Leave it"
VERSION = "version"
CHOSEN_BY = "chosen_by"
"""Key of the XCom with the name of whoever chose."""
WAIT = timedelta(hours=24)


class ChooseVersionOperator(BaseOperator):
    """Returns the version of the form, or puts the list to a person and waits without a worker or a triggerer.

    A form has the same fields for every run, and a DAG file must not read the store; the question is made when it is
    asked, so its list is that of now.

    Parameters
    ----------
    spec : ModelSpec
    version : str
        Number of a version, `previous`, or `list`.
    """

    template_fields: ClassVar[tuple[str, ...]] = ("version",)
    ui_color = "#f6e3df"

    def __init__(
        self,
        *,
        spec: ModelSpec,
        version: str,
        retry_policy: RetryPolicy | None = RETRY_WHAT_CAN_CHANGE,
        **kwargs: Any,
    ) -> None:
        super().__init__(retry_policy=retry_policy, **kwargs)
        self.spec = spec
        self.version = version

    def execute(self, context: Context) -> str:
        """Return the version, or put the question.

        Raises
        ------
        TaskAwaitingInput
            Airflow calls `chosen` when there is an answer, or no more time.
        PromotionError
            There is nothing to choose from.
        """
        if self.version != LIST:
            return self.version
        from airflow.sdk.exceptions import TaskAwaitingInput
        from airflow.sdk.execution_time.hitl import upsert_hitl_detail

        from perennial.rollback.choices import choices
        from perennial.run import Run

        found = choices(Run(spec=self.spec, deployment=deployment(self.spec), now=datetime.now(UTC)))
        upsert_hitl_detail(
            ti_id=context["ti"].id,
            options=[GO_BACK, LEAVE],
            subject=f"{self.spec.name}: which version becomes champion in place of version {found.champion}?",
            body=_body(found),
            defaults=[LEAVE],
            params={VERSION: _field(found)},
            assigned_users=[],
        )
        raise TaskAwaitingInput(method_name="chosen", timeout=WAIT)

    def chosen(self, context: Context, event: dict[str, Any]) -> str:
        """Return the version that was chosen.

        Raises
        ------
        AirflowSkipException
            Nobody chose one.
        """
        from airflow.sdk.exceptions import AirflowSkipException

        user = event.get("responded_by_user")
        by = user["name"] if user else "nobody"
        if event["chosen_options"] != [GO_BACK]:
            raise AirflowSkipException(f"Nothing is rolled back: {LEAVE!r} was the answer of {by}.")
        version = str((event.get("params_input") or {}).get(VERSION) or "")
        context["ti"].xcom_push(key=CHOSEN_BY, value=by)
        self.log.info("%s has chosen version %s", by, version)
        return version


def _field(found: Choices) -> dict[str, Any]:
    """Return the question's field: a list whose first entry is chosen already."""
    labels = {one.version: f"version {one.version}: {one.figures}" for one in found.versions}
    first = found.versions[0].version
    return Param(first, type="string", enum=list(labels), values_display=labels, title="Version").serialize()


def _body(found: Choices) -> str:
    lines = [
        f"- **version {one.version}**: {plain(one.figures)}{'. ' if one.verdict else ''}{plain(one.verdict)}"
        for one in found.versions
    ]
    return "\n".join(
        [
            *lines,
            "",
            "Each figure is of the version's own holdout. `examine` compares the chosen version with the champion on the "
            "newest labels, and refuses it if it is worse.",
        ]
    )
