"""What people and data say is shown in Airflow's Markdown as it is."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from perennial.printable import printable_name
from perennial_airflow.markdown import plain

pytestmark = pytest.mark.airflow


@given(st.text(alphabet=st.sampled_from("ab1 \n\t\x1b" + "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")))
def test_a_text_is_shown_as_it_is(text: str) -> None:
    shown = MarkdownIt("commonmark").enable("table").render(f"x{plain(text)}x")
    assert html.unescape(shown) == f"<p>x{printable_name(text)}x</p>\n"
