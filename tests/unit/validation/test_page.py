"""The page of a validation shows every expectation, and needs neither scripts nor the network."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from perennial.data.ingest import ingest
from perennial.spec import Expectation
from perennial.validation.validate import validate
from tests.unit.validation.flights import HOSTILE, ROWS, Bench, between, expect

pytestmark = pytest.mark.integration


class PageReader(HTMLParser):
    """What a browser would load and show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            assert not name.startswith("on"), f"{tag} has {name}"

    def handle_data(self, data: str) -> None:
        self.text += data


class TestPage:
    @pytest.fixture
    def page(self, bench: Bench) -> str:
        return bench.page(
            bench.validate(
                [
                    between("distance", min_value=0),
                    expect("column_values_to_be_in_set", column="carrier", value_set=["AA", "UA"]),
                    expect("column_distinct_values_to_be_in_set", column="carrier", value_set=["AA"]),
                    expect("column_values_to_be_unique", column="carrier"),
                    expect("column_mean_to_be_between", column="air_time", max_value=10),
                    between("carrier", min_value=5),
                    expect(
                        "column_kl_divergence_to_be_less_than",
                        column="carrier",
                        partition_object={"values": ["AA", "UA"], "weights": [0.5, 0.5]},
                        threshold=0.01,
                    ),
                    between("air_time", min_value=50),
                ]
            )
        )

    def test_it_shows_every_expectation_with_its_figures(self, page: str) -> None:
        text = PageReader(page).text
        assert "7 of 8 expectations fail." in text
        assert "manual__2013-02-01T00:00:00+00:00" in text
        for shown in ("distance", "carrier", "air_time", "in 2 of 8 rows", "found 85", "✓ holds", "✗ fails"):
            assert shown in text
        assert "could not be checked" in text

    def test_it_needs_neither_network_nor_scripts(self, page: str) -> None:
        reader = PageReader(page)
        assert {"script", "link", "img", "iframe", "object"}.isdisjoint(reader.tags)
        assert all(link.startswith("#") and link[1:] in reader.ids for link in reader.links)
        assert "default-src 'none'" in page
        assert "http" not in re.sub(r"http-equiv", "", page)

    def test_values_of_the_data_are_text_and_never_markup(self, page: str) -> None:
        assert HOSTILE not in page
        assert PageReader(page).text.count(HOSTILE) >= 2

    def test_names_of_columns_and_arguments_are_text_and_never_markup(self, bench: Bench) -> None:
        column = "</style><svg/onload=alert(1)>"
        ROWS.rename(columns={"carrier": column}).to_parquet(bench.data / "landing" / "rows.parquet")
        run = bench.run([])
        features = run.spec.features.model_copy(update={"categorical": (column,)})
        expectations = [
            expect("column_values_to_not_be_null", column=column),
            expect("column_values_to_be_in_set", column=column, value_set=["<svg/onload=alert(2)>"]),
            expect(
                "column_values_to_be_unique", column="air_time", row_condition=f"`{column}` == '<svg/onload=alert(3)>'"
            ),
            expect("column_to_exist", column=column),
        ]
        spec = run.spec.model_copy(
            update={"features": features, "validation": tuple(map(Expectation.model_validate, expectations))}
        )
        run = replace(run, spec=spec)
        page = bench.page(validate(run, ingest(run)))
        assert "svg" not in PageReader(page).tags
        assert "<svg" not in page
        assert PageReader(page).text.count(column) >= 4

    def test_those_that_do_not_hold_come_first(self, page: str) -> None:
        text = PageReader(page).text
        assert text.index("What does not hold") < text.index("1 of 8 rows") < text.index("What holds")
        assert text.index("What holds") < text.index("✓ holds")

    def test_without_expectations_it_passes_and_says_so(self, bench: Bench) -> None:
        validation = bench.validate([])
        assert (validation.passed, validation.expectations) == (True, 0)
        assert "The spec has no expectations, nothing was checked." in PageReader(bench.page(validation)).text

    def test_a_second_run_overwrites_it(self, bench: Bench) -> None:
        first = bench.validate([between("distance", min_value=0)])
        bench.store.write(first.data_docs_key, b"broken")
        second = bench.validate([between("distance", min_value=0)])
        assert second == first
        assert "1 of 1 expectations fails." in bench.page(second)
        assert [entry.key for entry in bench.store.list("flights/runs/")] == [first.data_docs_key]
