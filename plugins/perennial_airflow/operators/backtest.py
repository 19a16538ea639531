"""The steps of a backtest as tasks: decide what is replayed, train one model of the past, compare the policies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator, RetryPolicy

from perennial_airflow import run_arguments
from perennial_airflow.building.retries import RETRY_WHAT_CAN_CHANGE
from perennial_airflow.deployment import deployment
from perennial_airflow.links.backtest_page import BacktestPageLink
from perennial_airflow.xcom import to_xcom

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.run import Run
    from perennial.spec import ModelSpec


class BacktestOperator(BaseOperator):
    """Base class: a step of a backtest of one model.

    Parameters
    ----------
    spec : ModelSpec
    """

    ui_color = "#efe6f5"

    def __init__(
        self, *, spec: ModelSpec, retry_policy: RetryPolicy | None = RETRY_WHAT_CAN_CHANGE, **kwargs: Any
    ) -> None:
        super().__init__(retry_policy=retry_policy, **kwargs)
        self.spec = spec

    def replayed_run(self, as_of: datetime | None = None, **source: Any) -> Run:
        """Return the arguments of every step.

        Parameters
        ----------
        as_of : datetime, optional
            End of the period.
        **source
            `sql_url` or `s3`, needed only to read the source.
        """
        from perennial.run import Run

        return Run(spec=self.spec, deployment=deployment(self.spec, **source), now=datetime.now(UTC), as_of=as_of)


class BeginBacktestOperator(BacktestOperator):
    """Read the source and decide the batches and moments. A second run of the same replay uses the models of the first.

    The XCom is a list of the moments at which a model is trained, each with the replay's digest, its number and its
    time.

    Parameters
    ----------
    as_of : datetime or str, optional
        End of the period, with a time zone; default: the newest event time in the source.
    days : float or str, optional
        Length of the period; default: the newest three quarters of the history.
    batches : int or str
        Number of batches into which the period is cut.
    """

    template_fields: ClassVar[tuple[str, ...]] = ("as_of", "days", "batches")

    def __init__(
        self,
        *,
        as_of: datetime | str | None = None,
        days: float | str | None = None,
        batches: int | str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.as_of = as_of
        self.days = days
        self.batches = batches

    def execute(self, context: Context) -> list[dict[str, Any]]:  # noqa: ARG002 - Airflow's signature
        """Call `perennial.policy.replay.begin_replay`."""
        from perennial.policy.replay import begin_replay
        from perennial_airflow.hooks.source import SourceHook

        source = SourceHook(self.spec.source, self.spec.region).arguments()
        run = self.replayed_run(run_arguments.as_of(self.as_of), **source)
        days = run_arguments.window_days(self.days)
        replay = begin_replay(run, days=days, batches=run_arguments.whole_number("batches", self.batches))
        return [
            {"replay": replay.digest, "number": number, "end": f"{end:%Y-%m-%d %H:%M}"}
            for number, end in enumerate(replay.ends[:-1])
        ]


class ReplayTrainingOperator(BacktestOperator):
    """Train the model of one moment, unless it was trained before. The XCom has the result, without the predictions.

    Parameters
    ----------
    moment : dict
        One of the moments that the first task listed.
    """

    template_fields: ClassVar[tuple[str, ...]] = ("moment",)

    def __init__(self, *, moment: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.moment = moment

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - Airflow's signature
        """Call `perennial.policy.replayed_model.replay_training`."""
        from perennial.policy.replay import find_replay, rows_of
        from perennial.policy.replayed_model import replay_training

        run = self.replayed_run()
        replay = find_replay(run, self.moment["replay"])
        return to_xcom(replay_training(run, replay, rows_of(run, replay), self.moment["number"]))


class ComparePoliciesOperator(BacktestOperator):
    """Follow all policies through the matrix of models and batches, and write the page. The XCom is the result.

    Parameters
    ----------
    moments : list of dict
        The moments that the first task listed.
    """

    template_fields: ClassVar[tuple[str, ...]] = ("moments",)
    operator_extra_links = (BacktestPageLink(),)

    def __init__(self, *, moments: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.moments = moments

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - Airflow's signature
        """Call `perennial.policy.backtest.finish_backtest`."""
        from perennial.policy.backtest import finish_backtest
        from perennial.policy.replay import find_replay

        run = self.replayed_run()
        found = finish_backtest(run, find_replay(run, self.moments[0]["replay"]))
        self.log.info(found.sentence)
        return {"replay": found.replay, "sentence": found.sentence}
