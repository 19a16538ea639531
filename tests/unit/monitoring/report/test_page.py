from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser

import pytest

from perennial.evaluation.records import Interval
from perennial.explanations.records import Explanations, Importance
from perennial.monitoring.records import Alarm, Decision
from perennial.monitoring.report.page import decision_sentence, render_report, write_report
from perennial.monitoring.steps import CheckReader, close_check
from perennial.store.sealed import seal
from tests.watched_model import TRAINED_ROWS, make_watched

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def champion(tmp_path_factory, mlflow_template):
    home = tmp_path_factory.mktemp("champion")
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    watched = make_watched(home / "model", f"sqlite:///{home}/mlflow.db")
    watched.retrain()
    return watched


@pytest.fixture(scope="module")
def drifted(champion, tmp_path_factory):
    """A model of whose new rows all columns have moved, and its entry."""
    watched = champion.copy(tmp_path_factory.mktemp("drifted") / "model")
    watched.land(TRAINED_ROWS, 600, shift=2.0, kind=EVIL)
    return watched, watched.decide()


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.seen, self.attributes, self.open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "line", "circle", "rect", "polyline"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def page_of(watched, entry):
    return render_report(CheckReader(watched.run()), entry).decode()


def test_the_decision_the_period_and_every_check_are_on_the_page(drifted):
    watched, entry = drifted
    page = page_of(watched, entry)
    assert entry.decision.outcome == "trigger"
    assert '<span class="word trigger">triggered</span> A retraining was triggered: numbers drifted' in page
    assert "2024-01-03 01:59 to 2024-01-03 11:59 UTC" in page
    assert "600 new; 600 with labels that have matured" in page
    assert "version 1" in page
    for title in ("Numbers", "Categories", "Predictions", "Losses", "Performance", "Volume"):
        assert f"<td>{title}</td>" in page


def test_each_drifted_column_is_drawn_largest_effect_first(drifted):
    page = page_of(*drifted)
    drawn = re.findall(r"<figcaption><h3>(\w+)</h3>", page)
    effects = {c.column: c.effect for r in drifted[1].results for c in r.columns if c.drifted and c.effect}
    assert set(drawn) == {"x", "few", "holes", "kind", "prediction"}
    assert drawn[:3] == sorted(effects, key=lambda name: -effects[name])[:3]
    largest = next(c for r in drifted[1].results for c in r.columns if c.column == "x")
    assert f"D {largest.statistic:.3f} at {largest.location:,.4g}" in page
    assert ">missing</text>" in page
    assert ">4</text>" in page  # a new value of the column of few


def test_columns_that_drifted_are_ranked_by_how_much_the_champion_relies_on_them(drifted, tmp_path):
    watched, entry = drifted[0].copy(tmp_path / "model"), drifted[1]
    store = watched.deployment.store
    relied = {("kind",): 0.2, ("holes", "few"): 0.01, ("x",): -0.001}
    importances = tuple(
        Importance(features=features, candidate=Interval(value=value, low=value, high=value))
        for features, value in relied.items()
    )
    said = {"mlflow_run_id": entry.check.champion.mlflow_run_id, "metric": "roc_auc", "rows": 100}
    store.write("watched/runs/first/explanations.json", seal(Explanations(**said, importances=importances)))

    page = page_of(watched, entry)

    effects = {
        c.column: max(c.effect or 0.0, abs(c.missing.current - c.missing.reference))
        for result in entry.results
        for c in result.columns
    }
    same = sorted(["holes", "few"], key=lambda name: -effects[name])
    assert re.findall(r"<figcaption><h3>(\w+)</h3>", page) == ["prediction", "kind", *same, "x"]
    assert "Without kind the champion's roc_auc is worse by 0.2." in page
    assert '<th class="figure">Relied on</th>' in page
    # Explanations of another candidate, or damaged ones, say nothing about the champion.
    for others in (seal(Explanations(**said | {"mlflow_run_id": "other"}, importances=importances)), b"{"):
        store.write("watched/runs/first/explanations.json", others)
        without = page_of(watched, entry)
        assert "Relied on" not in without
        assert re.findall(r"<figcaption><h3>(\w+)</h3>", without)[0] != "kind"


def test_the_losses_are_drawn_with_statistic_and_threshold(drifted):
    watched, entry = drifted
    figures = next(r.figures for r in entry.results if r.test == "page_hinkley")
    page = page_of(watched, entry)
    assert f"threshold {figures['threshold']:,.4g}" in page
    assert "The threshold was calibrated on the champion's holdout: one false alarm in" in page


def test_the_page_is_the_same_before_and_after_the_check_is_closed(champion, tmp_path):
    watched = champion.copy(tmp_path / "model")
    for number in range(2):  # The second check's detector goes on where the first one's ended.
        watched.land(TRAINED_ROWS + 400 * number, 400)
        entry = watched.decide()
        before = render_report(CheckReader(watched.run()), entry)
        close_check(watched.run(), entry)
        assert render_report(CheckReader(watched.run()), entry) == before


def test_values_of_the_data_cannot_be_markup(drifted):
    page = page_of(*drifted)
    assert EVIL not in page
    assert "&lt;script&gt;" in page


def test_the_page_needs_neither_scripts_nor_network(drifted):
    tags = Tags(page_of(*drifted))
    assert not tags.open
    assert not {"script", "link", "img", "iframe", "object"} & set(tags.seen)
    assert not [name for name, _ in tags.attributes if name in ("href", "src") or name.startswith("on")]
    policy = next(value for name, value in tags.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")


def test_the_report_has_one_place_in_the_store(drifted):
    watched, entry = drifted
    key = write_report(CheckReader(watched.run()), entry)
    assert key == "watched/monitor/reports/00000001/report.html"
    assert watched.run().store.read(key) == render_report(CheckReader(watched.run()), entry)
    assert write_report(CheckReader(watched.run()), entry) == key


def test_a_page_without_its_rows_says_so(drifted, tmp_path):
    watched = drifted[0].copy(tmp_path / "model")
    entry = drifted[1]
    store = watched.run().store
    store.delete(entry.check.batch)
    store.delete(entry.check.matured)
    page = page_of(watched, entry)
    assert page.count("parquet is gone") == 2
    assert "All columns" in page


def test_a_page_without_a_champion_says_that_the_first_training_was_triggered(tmp_path, mlflow_uri):
    watched = make_watched(tmp_path / "model", mlflow_uri)
    page = page_of(watched, watched.decide())
    assert "The first training was triggered: there is no champion yet." in page
    assert "<svg" not in page


def test_a_quiet_page_shows_the_column_nearest_to_drifting(champion, tmp_path):
    watched = champion.copy(tmp_path / "model")
    watched.land(TRAINED_ROWS, 400)
    entry = watched.decide()
    page = page_of(watched, entry)
    assert '<span class="word none">nothing to do</span> No test fired.' in page
    assert "Nothing drifted" in page
    assert page.count("<figcaption>") == 1


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        (
            Decision(outcome="trigger", reasons=("a",), fired=("ks", "page_hinkley", "performance"), run_id="r"),
            "A retraining was triggered: numbers drifted, the losses moved and the performance fell.",
        ),
        (Decision(outcome="hold", reasons=("a", "The breaker is open."), fired=("ks",)), "The breaker is open."),
        (
            Decision(outcome="hold", reasons=("ks: fired",)),
            "Something drifted, but in too few of the last checks to retrain.",
        ),
        (
            Decision(
                outcome="coalesce",
                reasons=("a", "A retraining is under way (x)."),
                alarm=Alarm(tests=(), champion_version=None, sequence=1, as_of="2024-01-01T00:00:00Z"),
            ),
            "A retraining is under way (x).",
        ),
        (
            Decision(outcome="none", reasons=("v",), warned=("volume",)),
            "No test asks for a retraining; volume only warns.",
        ),
        (Decision(outcome="none", reasons=("No test fired.",)), "No test fired."),
    ],
)
def test_a_decision_is_one_sentence(decision, sentence):
    assert decision_sentence(decision, first=False) == sentence
