"""The dashboards that Grafana reads are the ones that their script writes."""

from __future__ import annotations

import json

import pytest

from deploy.observability.dashboards import DASHBOARDS, FOLDER, dashboard


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_the_committed_file_is_current(uid: str) -> None:
    again = "run `python -m deploy.observability.dashboards` and commit what it writes"

    assert (FOLDER / f"{uid}.json").read_text() == dashboard(uid), again


def test_no_panel_lies_on_another() -> None:
    for uid in DASHBOARDS:
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in json.loads(dashboard(uid))["panels"]]
        assert len(set(places)) == len(places)


def test_every_file_in_the_folder_is_one_of_them() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(DASHBOARDS)
