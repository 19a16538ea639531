"""A stage's task is what the table of stages says: named after it, placed by it, skipped in words where it has nothing to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from perennial.spec.reading.loader import load_spec
from perennial.stages import STAGES
from perennial_airflow.operators.promote import PromoteOperator
from perennial_airflow.operators.stage import LINKS, StageOperator
from tests.verdicts import judged

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]

PROMOTE = judged().model_dump(mode="json")
REJECT = judged("reject", "roc_auc 0.5 is below 0.6.").model_dump(mode="json")
REGISTERED = {"name": "orders", "version": "7", "alias": "challenger"}


@pytest.mark.parametrize(
    ("verdict", "registered", "dry_run", "words"),
    [
        (REJECT, REGISTERED, False, "roc_auc 0.5 is below 0.6."),
        (PROMOTE, None, True, "Dry run: nothing is promoted. The verdict was: All gates passed."),
        (PROMOTE, None, False, "Nothing was registered"),
    ],
)
def test_promote_is_skipped_in_words(
    add_spec: Callable[..., Path], verdict: dict[str, Any], registered: dict[str, Any] | None, dry_run: bool, words: str
) -> None:
    takes = {"registered": registered, "verdict": verdict, "answered": None}
    operator = PromoteOperator(task_id="promote", spec=load_spec(add_spec()), takes=takes)

    with pytest.raises(AirflowSkipException, match=words):
        operator.call_stage(SimpleNamespace(dry_run=dry_run))


@pytest.mark.parametrize(("task_id", "takes"), [("tran", {"snapshot": {}}), ("train", {}), ("train", {"rows": {}})])
def test_a_task_that_is_no_stage_or_takes_something_else_is_refused(
    add_spec: Callable[..., Path], task_id: str, takes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="train: snapshot, tuning; evaluate: snapshot, candidate"):
        StageOperator(task_id=task_id, spec=load_spec(add_spec()), takes=takes)


CANDIDATES = [{"estimator": "sklearn.linear_model.LogisticRegression", "search": {"C": {"low": 0.1, "high": 9.0}}}]


LOGISTIC = {"estimator": "sklearn.linear_model.LogisticRegression"}
ON_REQUEST = {"tune", "choose", "assemble", "package", "rehearse", "approve", "publish"}


@pytest.mark.parametrize(
    ("fields", "asked_for"),
    [
        ({"model": LOGISTIC}, set()),
        ({"model": LOGISTIC | {"ensemble": {"members": 3}}}, {"assemble"}),
        ({"model": {"candidates": CANDIDATES}}, {"tune", "choose"}),
        ({"model": LOGISTIC, "packages": ["wheel"]}, {"package", "rehearse"}),
        ({"model": LOGISTIC, "approval": {"when": "always"}}, {"approve"}),
    ],
)
def test_the_dag_has_a_task_for_each_stage_that_follows_those_whose_records_it_takes(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag], fields: dict[str, Any], asked_for: set[str]
) -> None:
    from perennial.stages import stages_of

    path = add_spec(**fields)
    dag = load_dags().dags["orders.retrain"]
    tasks = dag.task_dict

    assert set(tasks) == (set(STAGES) - ON_REQUEST) | asked_for == set(stages_of(load_spec(path)))
    for name, task in tasks.items():
        upstream = _all_upstream(tasks, name)
        for record in STAGES[name].takes:
            makers = {stage.name for stage in STAGES.values() if stage.makes == record}
            assert makers & upstream or not makers & set(tasks), record
        assert task.doc_md == STAGES[name].again
    assert ({"trials", "search"} <= set(dag.params)) == ("tune" in asked_for)


def _all_upstream(tasks: dict[str, Any], name: str) -> set[str]:
    direct = set(tasks[name].upstream_task_ids)
    return direct.union(*(_all_upstream(tasks, one) for one in direct))


def test_only_stages_have_links() -> None:
    assert set(LINKS) <= set(STAGES)
