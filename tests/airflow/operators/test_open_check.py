"""Opening a check of a champion that can no longer be loaded: the check goes on, and its tests say why they test nothing."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.airflow.conftest import DagRunResult

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

MODULE = "transform_that_goes"


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of the user's modules with one transform in it."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / f"{MODULE}.py").write_text("def double(rows):\n    return rows.assign(items=2 * rows['items'])\n")
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    return folder


def test_a_check_of_a_champion_whose_transform_is_gone_succeeds_and_its_tests_say_why_they_test_nothing(
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    code: Path,
) -> None:
    champion(
        "untestable",
        features={
            "numeric": ["items"],
            "categorical": ["carrier"],
            "transform": f"{MODULE}:double",
            "inputs": ["items", "carrier"],
        },
        monitoring={"min_rows": 50},
    )
    land_orders(45)
    shutil.rmtree(code)
    sys.modules.pop(MODULE)
    importlib.invalidate_caches()

    run = run_dag("untestable.monitor")

    results = {result["test"]: result for result in run.xcoms["govern"]["results"]}
    about_volume = results.pop("volume")
    assert (run.state, run.tasks["open_check"], run.tasks["move_cursor"]) == ("success", "success", "success")
    assert set(results) == {"ks", "categorical", "predictions", "page_hinkley", "performance"}
    assert {result["status"] for result in results.values()} == {"not tested"}
    assert all(MODULE in result["sentence"] for result in results.values())
    assert MODULE not in about_volume["sentence"]
    assert run.xcoms["govern"]["decision"]["outcome"] == "none"
