"""The archive has the whole history of a period, under digests, and neither rows nor what somebody else wrote."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from perennial.answer import Answer
from perennial.audit.audit import audit
from perennial.audit.records import AuditManifest
from perennial.champions.ledger import read_champions
from perennial.errors import PerennialError, StoreUnavailable
from perennial.monitoring.ledger import read_verdict
from perennial.monitoring.steps import close_check
from perennial.promotion.answers import keep_answer
from perennial.registry.tracking import Tracker
from perennial.store import LocalStore
from tests.watched_model import NOW, TRAINED_ROWS, Watched, make_watched

LATER = NOW + timedelta(days=1)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Watched:
    """A model with two champions, a day apart, a check of each, and an approval of the second."""
    folder = tmp_path_factory.mktemp("audit")
    shutil.copyfile(mlflow_template, folder / "mlflow.db")
    model = make_watched(folder / "home", f"sqlite:///{folder}/mlflow.db", retraining={"triggers": []})
    model.retrain("first")
    store = model.deployment.store
    for rows_before, run_id in ((0, "second"), (500, "")):
        model.land(TRAINED_ROWS + rows_before, 500)
        close_check(model.run(), model.decide())
        if run_id:
            model.retrain(run_id, now=LATER)
    keep_answer(
        store, "watched", "second", read_verdict(store, "watched", "second"), Answer(approved=True, by="ada", at=LATER)
    )
    Tracker(model.tracking_uri).client.set_model_version_tag("watched", "2", "someones.token", "hush-hush")
    return model


@pytest.fixture
def model(lived: Watched, tmp_path: Path) -> Watched:
    return lived.copy(tmp_path / "home")


def made(model: Watched, out: Path, **period: Any) -> tuple[AuditManifest, dict[str, bytes]]:
    """Return the manifest as it is in the archive, and the other files."""
    found = audit(model.deployment.store, model.tracking_uri, "watched", out, **period)
    with zipfile.ZipFile(out) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    manifest = AuditManifest.model_validate_json(content.pop("manifest.json"))
    assert manifest == found
    return manifest, content


def test_the_archive_has_the_whole_history_and_no_rows_and_is_the_same_when_it_is_made_again(
    model: Watched, tmp_path: Path
) -> None:
    manifest, content = made(model, tmp_path / "audit.zip")

    assert (manifest.moves, manifest.versions, manifest.checks) == ((1, 2), ("1", "2"), (1, 2))
    assert manifest.problems == ()
    assert {file.name: file.sha256 for file in manifest.files} == {
        name: hashlib.sha256(data).hexdigest() for name, data in content.items()
    }
    keys = [file.source for file in manifest.files if file.name.startswith("store/")]
    assert all(content[f"store/{key}"] == model.deployment.store.read(key) for key in keys)
    assert {
        "watched/champions/00000002.json",
        "watched/runs/second/evaluation.json",
        "watched/runs/second/verdict.json",
        "watched/runs/second/approval.json",
        "watched/runs/second/card.html",
        "watched/runs/first/promotion.json",
        "watched/ledger/00000001.json",
    } <= set(keys)
    assert json.loads(content["mlflow/versions/2.json"])["tags"]["perennial.verdict"] == "promote"
    specs = [json.loads(data) for name, data in content.items() if name.endswith("/spec.json")]
    assert [spec["name"] for spec in specs] == ["watched", "watched"]
    assert {name.rsplit(".", 1)[1] for name in content} == {"html", "json", "md", "png"}

    # Neither rows nor what others wrote into MLflow.
    assert not any(b"hush-hush" in data or data.startswith(b"PAR1") for data in content.values())
    assert not any("data_docs" in name or "/checks/" in name for name in content)
    assert "rows of snapshots, checks and backtests" in manifest.left_out

    made(model, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "audit.zip").read_bytes()


def test_a_period_has_its_moves_and_the_champion_that_it_began_with(model: Watched, tmp_path: Path) -> None:
    noon = NOW + timedelta(hours=12)
    early, content = made(model, tmp_path / "early.zip", until=noon)
    assert (early.moves, early.versions, early.checks) == ((1,), ("1",), (1,))
    assert not any("second" in name for name in content)

    late, _ = made(model, tmp_path / "late.zip", since=noon)
    assert (late.moves, late.versions) == ((1, 2), ("1", "2"))

    after, _ = made(model, tmp_path / "after.zip", since=LATER + timedelta(hours=1), until=LATER + timedelta(hours=2))
    assert (after.moves, after.versions, after.checks) == ((2,), ("2",), (2,))


def test_damaged_records_are_named_and_all_others_are_there(model: Watched, tmp_path: Path) -> None:
    damaged = [
        f"watched/{key}"
        for key in (
            "runs/second/verdict.json",
            "runs/second/approval.json",
            "champions/00000001.json",
            "ledger/00000002.json",
        )
    ]
    for key in damaged:
        path = model.home / "store" / key
        path.write_bytes(path.read_bytes().replace(b"2", b"3", 1))

    manifest, content = made(model, tmp_path / "audit.zip")

    for key in damaged:
        assert any(f"{key} is damaged" in problem for problem in manifest.problems)
        assert f"store/{key}" not in content
    for key in ("runs/second/evaluation.json", "champions/00000002.json", "ledger/00000001.json"):
        assert f"store/watched/{key}" in content


def test_what_a_champion_rests_on_and_is_gone_is_named(model: Watched, tmp_path: Path) -> None:
    (model.home / "store/watched/runs/second/verdict.json").unlink()
    (model.home / "store/watched/ledger/00000001.json").unlink()
    manifest, _ = made(model, tmp_path / "audit.zip")
    said = " ".join(manifest.problems)
    assert "watched/runs/second/verdict.json is gone from the store, and move 2 rests on it" in said
    assert "watched/ledger/ lacks check 1" in said


def test_an_alias_that_was_moved_by_hand_is_named_and_nothing_is_written(model: Watched, tmp_path: Path) -> None:
    registry = Tracker(model.tracking_uri).client
    registry.set_registered_model_alias("watched", "champion", "1")
    try:
        manifest, _ = made(model, tmp_path / "audit.zip")
    finally:
        registry.set_registered_model_alias("watched", "champion", "2")
    (problem,) = manifest.problems
    assert "is version 1 in MLflow, and version 2 by the newest move" in problem
    assert len(read_champions(model.deployment.store, "watched")) == 2


def test_an_archive_that_is_not_finished_leaves_the_one_before(model: Watched, tmp_path: Path) -> None:
    class Away(LocalStore):
        def read(self, key: str) -> bytes:
            if "/ledger/" in key:
                raise StoreUnavailable("away")
            return super().read(key)

    out = tmp_path / "out" / "audit.zip"
    out.parent.mkdir()
    out.write_bytes(b"of last year")
    with pytest.raises(StoreUnavailable):
        audit(Away(model.home / "store"), model.tracking_uri, "watched", out)
    assert [path.read_bytes() for path in out.parent.iterdir()] == [b"of last year"]


def test_a_wrong_place_or_period_is_one_clear_message(model: Watched, tmp_path: Path) -> None:
    places = model.deployment.store, model.tracking_uri, "watched"
    with pytest.raises(
        PerennialError, match=r"nowhere/a\.zip cannot be written: No such file or directory\. Name a file"
    ):
        audit(*places, tmp_path / "nowhere" / "a.zip")
    with pytest.raises(PerennialError, match="the period ends before it begins"):
        audit(*places, tmp_path / "a.zip", since=LATER, until=NOW)
