"""The task of a rollback that passes the form's version on, or lets a person choose one from a list with figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskAwaitingInput
from mlflow import MlflowClient

from perennial.errors import PromotionError
from perennial.spec.reading.loader import load_spec
from perennial_airflow.operators.choose_version import LIST, ChooseVersionOperator

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home", "deployment")]

HOSTILE = "](http://evil.example)<script>alert(1)</script>"


@pytest.fixture
def make(add_spec: Callable[..., Path]) -> Callable[..., ChooseVersionOperator]:
    return lambda version=LIST: ChooseVersionOperator(task_id="choose", spec=load_spec(add_spec()), version=version)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What was asked last."""
    question: dict[str, Any] = {}
    monkeypatch.setattr("airflow.sdk.execution_time.hitl.upsert_hitl_detail", lambda **said: question.update(said))
    return question


@pytest.fixture
def registry(deployment: Path) -> MlflowClient:
    """A registry in which version 3 replaced version 2; somebody wrote what they liked into the tags of version 2."""
    registry = MlflowClient(f"sqlite:///{deployment}/mlflow.db")
    registry.create_registered_model("orders")
    for _ in range(3):
        registry.create_model_version("orders", "somewhere")
    registry.set_registered_model_alias("orders", "champion", "3")
    registry.set_model_version_tag("orders", "3", "perennial.previous_champion", "2")
    registry.set_model_version_tag("orders", "2", "perennial.primary_metric", HOSTILE)
    registry.set_model_version_tag("orders", "2", "perennial.primary_value", "0.75")
    return registry


class Task:
    """As much of a task instance as is used."""

    id = "ti-1"

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def context() -> Any:
    return {"ti": Task(), "dag_run": SimpleNamespace(run_id="manual__1")}


@pytest.mark.parametrize("version", ["previous", "7"])
def test_a_version_that_the_form_names_is_passed_on_and_nobody_is_asked(
    make: Callable[..., ChooseVersionOperator], version: str
) -> None:
    assert make(version).execute(context()) == version


def test_the_question_lists_the_versions_with_figures_and_nothing_in_them_is_markup(
    make: Callable[..., ChooseVersionOperator], registry: MlflowClient, asked: dict[str, Any]
) -> None:
    with pytest.raises(TaskAwaitingInput) as waiting:
        make().execute(context())
    assert waiting.value.method_name == "chosen"
    assert asked["subject"] == "orders: which version becomes champion in place of version 3?"
    assert (asked["options"], asked["defaults"]) == (["Roll back", "Leave it"], ["Leave it"])
    field = asked["params"]["version"]
    assert (field["value"], field["schema"]["enum"]) == ("2", ["2"])
    assert field["schema"]["values_display"] == {"2": f"version 2: {HOSTILE} 0.75 on its holdout"}
    assert r"**version 2**: \]\(http\:\/\/evil\.example\)\<script\>alert" in asked["body"]


def test_a_model_without_a_champion_has_nothing_to_choose_from(make: Callable[..., ChooseVersionOperator]) -> None:
    with pytest.raises(PromotionError, match="orders has no champion"):
        make().execute(context())


def event(option: str, user: dict[str, str] | None, version: str = "2") -> dict[str, Any]:
    return {"chosen_options": [option], "params_input": {"version": version}, "responded_by_user": user}


def test_the_choice_goes_on_with_the_name_of_whoever_chose(make: Callable[..., ChooseVersionOperator]) -> None:
    chosen_in = context()
    assert make().chosen(chosen_in, event("Roll back", {"id": "3", "name": "bob"})) == "2"
    assert chosen_in["ti"].pushed == {"chosen_by": "bob"}


@pytest.mark.parametrize(("user", "by"), [({"id": "3", "name": "bob"}, "bob"), (None, "nobody")])
def test_nothing_is_rolled_back_if_nobody_chose(
    make: Callable[..., ChooseVersionOperator], user: dict[str, str] | None, by: str
) -> None:
    with pytest.raises(AirflowSkipException, match=f"'Leave it' was the answer of {by}"):
        make().chosen(context(), event("Leave it", user))
