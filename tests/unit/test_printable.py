from __future__ import annotations

import io
import json
import logging
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

import perennial
from perennial.cli.console import PrintableConsole
from perennial.errors import DataError
from perennial.printable import PrintableLog, printable, printable_name


@given(text=st.text())
def test_no_control_character_is_left_and_all_else_is(text: str) -> None:
    shown = printable(text)
    assert not [sign for sign in shown if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") and sign not in "\n\t"]
    shown.encode()
    assert printable(shown) == shown
    if all(sign.isprintable() for sign in text):
        assert shown == text


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u200f", "\u061c", "\x1b", "\x9b", "\r", "\0", "\x7f", "\ud800"])
def test_what_is_escaped_can_be_told_and_leaves_json_what_it_was(sign: str) -> None:
    assert printable(f"a{sign}b") == rf"a\u{ord(sign):04x}b" or printable(f"a{sign}b") == r"a\rb"
    assert json.loads(printable(json.dumps(sign, ensure_ascii=False))) == sign


def test_scripts_and_joined_signs_stay() -> None:
    for text in ("Zürich 東京 नमस्ते", "👩\u200d👧", "שלום", "a\tb\nc"):
        assert printable(text) == text


def test_a_name_cannot_begin_a_line_of_its_own() -> None:
    assert printable_name("a\nerror: b\t") == r"a\nerror: b\t"


def test_messages_of_errors_and_logs_are_printable(caplog: pytest.LogCaptureFixture) -> None:
    assert str(DataError("file \x1b[31m")) == r"file \u001b[31m"
    caplog.set_level("INFO", "perennial.here")
    log = PrintableLog("perennial.here")
    log.info("%s: %d%%", "\x1b[31m", 7)
    log.warning("100% \x1b")
    assert [record.getMessage() for record in caplog.records] == [r"\u001b[31m: 7%", r"100% \u001b"]
    assert {Path(record.pathname).name for record in caplog.records} == {Path(__file__).name}
    assert not log.isEnabledFor(logging.DEBUG)


def test_a_console_keeps_its_own_colours_alone() -> None:
    file = io.StringIO()
    console = PrintableConsole(file=file, force_terminal=True, width=80)
    table = Table("the name of the column")
    table.add_row(Text("a\x1b[2Jb", style="red"))
    console.print(table)
    console.print(Text("c\x1b]0;d\x07", style="bold"))
    shown = file.getvalue()
    assert r"a\u001b[2Jb" in shown
    assert r"c\u001b]0;d" in shown
    assert "\x1b[2J" not in shown
    assert "\x1b]" not in shown
    assert "\x1b[31m" in shown


def test_every_module_of_the_library_logs_printably() -> None:
    root = Path(perennial.__file__).parent
    plain = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "getLogger(__name__)" in path.read_text(encoding="utf-8")
    ]
    assert plain == [], "use PrintableLog(__name__): what is logged may quote a file's name or a value"
