"""A whole rollback in Airflow: the form's version is examined, becomes champion again, and dependants are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.airflow.conftest import DagRunResult

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


def test_an_earlier_version_is_champion_again_and_dependants_are_told(
    champion: Callable[..., None], deployment: Path, run_dag: Callable[..., DagRunResult]
) -> None:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from mlflow import MlflowClient
    from sqlalchemy import select

    from perennial.champions.ledger import read_champions
    from perennial.store import LocalStore

    champion("returned")
    registry = MlflowClient(f"sqlite:///{deployment}/mlflow.db")
    first = registry.get_model_version("returned", "1")
    # Someone registers the same model again, and makes that champion by hand.
    registry.create_model_version("returned", first.source, run_id=first.run_id)
    registry.set_registered_model_alias("returned", "champion", "2")

    back = run_dag("returned.rollback", version="1", reason="answers look wrong")

    assert back.tasks == {"choose": "success", "examine": "success", "roll_back": "success"}
    assert back.xcoms["roll_back"] == {"name": "returned", "version": "1", "previous_version": "2"}
    assert back.xcoms["examine"]["sentence"].startswith("They were not compared: there are 0 labelled rows")
    ledger = read_champions(LocalStore(deployment / "store"), "returned")
    assert [(one.kind, one.version) for one in ledger] == [("promoted", "1"), ("found", "2"), ("rolled back", "1")]
    assert (ledger[-1].run_id, ledger[-1].reason) == (back.run_id, "answers look wrong")
    with create_session() as session:
        (event,) = session.scalars(select(AssetEvent).where(AssetEvent.source_dag_id == "returned.rollback")).all()
        assert event.asset.uri == "perennial://returned/champion"
        assert (event.extra["version"], event.extra["reason"]) == ("1", "answers look wrong")
