"""A champion that changes while a person is asked sends the candidate back to `evaluate`, once for each champion."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from perennial.answer import Answer
from perennial.champions.ledger import read_champions
from perennial.cli.retrain import retrain
from perennial.promotion.records import RegisteredVersion, Verdict
from perennial.registry.tracking import Tracker
from perennial.run import RetrainingRun
from tests.watched_model import NOW, Watched, make_watched


@pytest.fixture
def model(tmp_path: Path, mlflow_template: Path) -> Watched:
    shutil.copyfile(mlflow_template, tmp_path / "mlflow.db")
    return make_watched(tmp_path / "home", f"sqlite:///{tmp_path}/mlflow.db", approval={"when": "always"})


class Person:
    """Approves whatever is asked; meanwhile somebody else makes other versions champion, one for each question."""

    def __init__(self, model: Watched, *meanwhile: str) -> None:
        self.registry = Tracker(model.tracking_uri).client
        self.meanwhile = list(meanwhile)
        self.asked_about: list[tuple[str, str | None]] = []

    def __call__(self, registered: RegisteredVersion, verdict: Verdict) -> Answer:
        self.asked_about.append((registered.version, verdict.champion_version))
        if self.meanwhile:
            number = self.meanwhile.pop(0)
            while len(self.registry.search_model_versions("name = 'watched'")) < int(number):
                self.registry.create_model_version("watched", "somewhere")
            self.registry.set_registered_model_alias("watched", "champion", number)
        return Answer(approved=True, by="ada", at=NOW, reason=f"answer {len(self.asked_about)}")


def decided_by(person: Person, model: Watched) -> tuple[Verdict, str]:
    output = io.StringIO()
    run = RetrainingRun(**(model.arguments | {"run_id": "r"}))
    return retrain(run, Console(file=output, width=200), ask=person), output.getvalue()


def moves(model: Watched) -> list[tuple[str, str | None]]:
    return [(move.kind, move.version) for move in read_champions(model.deployment.store, "watched")]


def test_it_is_judged_against_the_champion_of_now_and_promoted_by_the_answer_to_that(model: Watched) -> None:
    person = Person(model, "2")
    verdict, output = decided_by(person, model)

    assert person.asked_about == [("1", None), ("1", "2")]
    assert "The champion is v2 now, so the candidate is judged again." in output
    assert (verdict.promotes, verdict.champion_version) == (True, "2")
    assert verdict.answer is not None
    assert verdict.answer.reason == "answer 2"
    assert moves(model) == [("found", "2"), ("promoted", "1")]


def test_the_same_command_after_the_promotion_asks_nobody(model: Watched) -> None:
    decided_by(Person(model), model)
    person = Person(model)
    verdict, _ = decided_by(person, model)
    assert person.asked_about == []
    assert verdict.promotes
    assert moves(model) == [("promoted", "1")]


def test_champions_that_change_for_ever_do_not_have_it_judged_for_ever(model: Watched) -> None:
    person = Person(model, *["2", "3"] * 5)
    verdict, output = decided_by(person, model)

    assert person.asked_about == [("1", None), ("1", "2"), ("1", "3")]
    assert (verdict.consequence, verdict.answer) == ("ask", None)
    assert "A person has to approve it: repeat the command with --approve" in output
    assert moves(model) == []
