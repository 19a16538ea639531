"""One place names every key; docs, backup and verify say the same of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perennial.layout import LAYOUT, LEDGER_ENTRY, VERDICT, Place, place_of, run_folder

DOCS = Path(__file__).parents[2] / "docs" / "monitoring.md"


def documented() -> dict[str, str]:
    """Return the kind of each key in the docs' table."""
    text = DOCS.read_text().partition("## What lies in the store")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (\w+) \|", text, re.MULTILINE))


def as_documented(place: Place) -> str:
    return re.sub(r"{(\w+)[^}]*}", r"<\1>", place.pattern.removeprefix("{model}/").replace("{sequence:08d}", "{check}"))


@pytest.mark.parametrize("place", LAYOUT, ids=lambda place: place.pattern)
def test_a_key_is_known_by_its_place_and_by_no_other(place):
    values = [7 if name in ("sequence", "move") else "x1" for name in re.findall(r"{(\w+)", place.pattern)]
    assert place_of(place.key(*values)) is place
    assert [other for other in LAYOUT if other.has(place.key(*values))] == [place]


def test_the_docs_name_all_that_lies_in_a_models_folder_and_its_kind():
    models = {as_documented(place): place.kind for place in LAYOUT if place.pattern.startswith("{model}/")}
    assert documented() == models


def test_what_is_none_of_them_is_nobodys():
    assert [place_of(key) for key in ("m/notes.txt", "m/ledger/1.json", "m/runs/a/b/verdict.json")] == [None] * 3


def test_a_key_wants_all_its_values():
    assert LEDGER_ENTRY.key("m", 3) == "m/ledger/00000003.json"
    with pytest.raises(ValueError, match="shorter"):
        LEDGER_ENTRY.key("m")


def test_a_runs_folder_holds_no_character_that_no_file_name_should_have():
    assert run_folder("m", "manual__2013-02-01T00:00:00+00:00") == "m/runs/manual__2013-02-01T00_00_00+00_00/"
    assert VERDICT.has(run_folder("m", "a/b") + VERDICT.name)
