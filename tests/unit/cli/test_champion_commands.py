"""`perennial champions`, `rollback` and `audit` through the console script's entry, on a real store and MLflow."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from perennial.cli import main as cli
from tests.watched_model import SPEC, Watched, make_two_champions

Perennial = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Watched:
    folder = tmp_path_factory.mktemp("commands")
    (folder / "models").mkdir()
    (folder / "models" / "watched.yaml").write_text(yaml.safe_dump(SPEC))
    return make_two_champions(folder, mlflow_template)


@pytest.fixture
def perennial(model: Watched, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Perennial:
    """Run the console script's entry; return exit code, output and errors."""
    monkeypatch.chdir(model.home)
    monkeypatch.setenv("PERENNIAL_MODELS", str(model.home.parent / "models"))
    monkeypatch.setenv("PERENNIAL_STORE", str(model.home / "store"))
    monkeypatch.setenv("PERENNIAL_DATA", str(model.home))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", model.tracking_uri)
    monkeypatch.setenv("COLUMNS", "300")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["perennial", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return int(ended.value.code or 0), output.out, output.err

    return run


def test_a_champion_is_taken_back_and_the_history_says_so_on_the_terminal_and_in_the_archive(
    perennial: Perennial, model: Watched
) -> None:
    code, _, errors = perennial("rollback", "watched", "--reason", " ")
    assert (code, "a rollback needs a reason" in errors) == (1, True)

    code, output, _ = perennial("rollback", "watched", "--reason", "bad since Monday", "--by", "Ada")
    assert (code, "watched v1 is champion again, in place of v2" in output) == (0, True)
    again = perennial("rollback", "watched", "--reason", "bad since Monday", "--by", "Ada")
    assert again[0] == 0
    code, _, errors = perennial("rollback", "watched", "--to", "1", "--reason", "once more")
    assert (code, "version 1 of watched is champion already" in errors) == (1, True)

    code, output, _ = perennial("champions", "watched", "--json")
    moves = json.loads(output)
    assert (code, [(move["kind"], move["version"]) for move in moves]) == (
        0,
        [("promoted", "1"), ("promoted", "2"), ("rolled back", "1")],
    )
    assert (moves[2]["by"], moves[2]["reason"]) == ("Ada", "bad since Monday")
    assert "bad since Monday" in perennial("champions", "watched")[1]
    assert (
        "version 2 was champion at 2026-01-02" in perennial("champions", "watched", "--at", "2026-01-02T00:00:00Z")[1]
    )
    code, _, errors = perennial("champions", "watched", "--at", "yesterday")
    assert (code, "--at 'yesterday' is not a timestamp" in errors) == (1, True)

    code, output, _ = perennial("audit", "watched", "--out", "audit.zip")
    assert (code, "moves: 3, versions: 2, checks: 0" in output) == (0, True)
    (model.home / "store/watched/champions/00000002.json").write_text("{}")
    code, output, _ = perennial("audit", "watched", "--out", "audit.zip")
    assert (code, "watched/champions/00000002.json is damaged" in output) == (1, True)
    with zipfile.ZipFile(model.home / "audit.zip") as archive:
        (problem,) = json.loads(archive.read("manifest.json"))["problems"]
    assert "watched/champions/00000002.json is damaged" in problem
