"""The card of a version: all that a reader asks, from the records of real retrainings, as a page and as Markdown."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from perennial.answer import Answer
from perennial.model_card.content import Card, Section, Table
from perennial.model_card.page import render_page, render_text
from perennial.model_card.write import write_card
from perennial.registry.aliases import version_by_number
from perennial.registry.tracking import Tracker
from perennial.spec.approval import Approval
from tests.watched_model import NOW, TRAINED_ROWS, Watched, make_watched

EVIL = "<script>alert(1)</script>"
JUDGED = {
    "holdout": {"days": 0.7},
    "primary": "roc_auc",
    "slices": {"columns": ["kind", "few"], "min_rows": 50},
    "fairness": {"columns": ["kind"], "maximum": {"error": 0.5}, "min_rows": 50},
    "explain": {"seconds": 600},
}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Watched:
    """A model with two versions; about the second a person was asked."""
    home = tmp_path_factory.mktemp("cards")
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    made = make_watched(
        home / "model",
        f"sqlite:///{home}/mlflow.db",
        description="Tells late orders.",
        owner="alice",
        evaluation=JUDGED,
    )
    made.retrain("first")
    made.land(TRAINED_ROWS, 600, kind=EVIL)
    answer = Answer(approved=True, by="bob", at=NOW, reason="Holidays | are over.")
    asked = replace(made, spec=made.spec.model_copy(update={"approval": Approval(when="always")}))
    asked.retrain("second", answer=answer)
    return made


def card(watched: Watched, run_id: str, name: str) -> str:
    return watched.deployment.store.read(f"watched/runs/{run_id}/card.{name}").decode()


class Titles(HTMLParser):
    """The titles of a page, and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


def test_page_and_text_answer_what_a_reader_asks(watched: Watched) -> None:
    page, text = card(watched, "second", "html"), card(watched, "second", "md")
    for said in (
        "watched, version 2", "Tells late orders.", "alice", "Approved by bob on 2026-01-01 00:00 UTC",
        "champion v1", "Of 6 slices", "kind=b", "largest differences between groups: error",
        "promoted in place of version 1", "It has learnt nothing from after 2024-01-03 11:59 UTC",
        "LogisticRegression", "The spec asked for no packages.", "There is no record of a search", "scikit-learn",
    ):  # fmt: skip
        assert said in page, said
        assert said in text, said
    drivers = text.partition("## What drives it")[2].partition("\n## ")[0]
    features = re.findall(r"^\| (x|few|holes|kind) \| (\S+) \(", drivers, re.MULTILINE)
    assert features[0][0] == "x"
    assert len(features) == 4
    # Metrics, slices, groups of people and importances are drawn, and the dependence on each feature in place of its table.
    assert page.count("<svg") == 4 + page.count('<svg class="curves"') == 8
    assert text.count("| mean probability of 1 |") == 4
    assert "mean probability of 1" not in page


def test_nothing_of_the_data_is_taken_for_markup(watched: Watched) -> None:
    page, text = card(watched, "second", "html"), card(watched, "second", "md")
    assert "script" not in Titles(page).tags
    assert "&lt;script&gt;" in page
    assert r"\<script\>alert(1)\</script\>" in text
    assert r"Holidays \| are over." in text
    tables = re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)
    assert len(tables) > 5
    for table in tables:
        assert len({len(re.split(r"(?<!\\)\|", row)) for row in table.strip().splitlines()}) == 1


def test_a_page_needs_no_network(watched: Watched) -> None:
    page = card(watched, "second", "html")
    assert not re.search(r"(src|href)=|url\(|@import|https?://", page)
    assert "default-src 'none'" in page


def test_the_version_says_where_its_card_is(watched: Watched) -> None:
    tracker = Tracker(watched.tracking_uri)
    version = version_by_number(tracker, "watched", "2")
    assert version.tags["perennial.card"] == f"runs:/{version.run_id}/card/card.html"
    files = {item.path for item in tracker.client.list_artifacts(version.run_id, "card")}
    assert files == {"card/card.html", "card/card.md"}


def test_written_again_it_is_the_same(watched: Watched) -> None:
    before = card(watched, "second", "html")
    write_card(watched.run(), "2")
    assert card(watched, "second", "html") == before


def test_the_first_version_had_no_champion_beside_it_and_was_replaced(watched: Watched) -> None:
    text = card(watched, "first", "md")
    assert "There was no champion to compare with." in text
    assert "Nobody was asked: the gates decided." in text
    assert "**was champion**" in text
    assert "promoted in place of version 1" in text
    assert "**champion**" in card(watched, "second", "md")


def test_a_card_tells_the_recipe_of_its_version_and_not_of_todays_spec(watched: Watched) -> None:
    before = card(watched, "first", "md")
    changed = watched.spec.model_copy(
        update={"model": watched.spec.model.model_copy(update={"estimator": "sklearn.naive_bayes.GaussianNB"})}
    )
    write_card(watched.run(spec=changed), "1")
    assert card(watched, "first", "md") == before


def test_a_card_that_cannot_be_written_stops_nothing(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    write_card(watched.run(), "7")
    assert "the card of version 7 was not written: version 7 of watched is gone from the registry" in caplog.text


def test_line_breaks_in_texts_do_not_break_tables() -> None:
    made = Card(
        "m", "for\n\n# that", "passed", "good", "so", (), (Section("S", tables=(Table(("a",), (("1\n2",),)),)),)
    )
    assert "| 1 2 |" in render_text(made).decode()
    assert "\n# that" not in render_text(made).decode()
    assert b"<td>1\n2</td>" in render_page(made)


def test_characters_that_cannot_be_encoded_or_turn_the_text_around_are_shown_as_escapes() -> None:
    made = Card("m", "for \u202ethat\ud800", "passed", "good", "so", (), ())
    for rendered in (render_page(made), render_text(made)):
        assert r"for \u202ethat\ud800" in rendered.decode()
