from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from perennial.errors import SpecError
from perennial.spec import SpecFileError, find_spec, load_folder, load_spec

BROKEN = """\
name: late flights
task: classification
owner: on
tolerance: 0.1
source:
  uri: flights/
  event_time: at
  window: {days: 60, rows: 1e3}
target: {column: late, positive: yes}
features:
  numric: [distance]
  categorical: [carrier]
model:
  estimator: LogisticRegression
  params: [C]
  seed: -1
evaluation:
  holdout: 7
  primary: roc_auk
  gates:
    minimum: {roc_auk: 0.6}
    tolerance: 1e-3
validation:
  - type: expect_column_to_exist
    kwargs: {column: carrier}
  - type: NotNull
schedule:
  cron: 0 6 * *
  time_zone: Berlin
"""


def problems_of(path):
    with pytest.raises(SpecFileError) as caught:
        load_spec(path)
    return caught.value.problems


def found(path):
    return {(problem.line, problem.field): f"{problem.message} ({problem.hint})" for problem in problems_of(path)}


def test_a_good_spec_is_read_with_all_its_parts(write, late):
    spec = load_spec(write("late.yaml", late))
    assert spec.name == "late"
    assert spec.source.window.days == 60
    assert spec.features.columns == ("distance", "hour", "carrier")
    assert spec.model.params["class_weight"] == {0: 1, 1: 3}
    assert spec.columns == ("at", "flight", "late", "distance", "hour", "carrier")


def test_everything_wrong_is_said_at_once_each_with_line_and_field(write):
    problems = found(write("broken.yaml", BROKEN))
    assert set(problems) == {
        (1, "name"),
        (3, "owner"),
        (4, "tolerance"),
        (8, "source.window.rows"),
        (9, "target.positive"),
        (11, "features.numric"),
        (14, "model.estimator"),
        (15, "model.params"),
        (16, "model.seed"),
        (18, "evaluation.holdout"),
        (19, "evaluation.primary"),
        (21, "evaluation.gates.minimum.roc_auk"),
        (22, "evaluation.gates.tolerance"),
        (26, "validation[1].type"),
        (28, "schedule.cron"),
        (29, "schedule.time_zone"),
    }


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("name", "'late flights' must be letters, digits, - and _ only, since it becomes a DAG id"),
        ("owner", "give text, not true (quote it if it is meant as text)"),
        ("tolerance", "unknown field 'tolerance' (it belongs under evaluation.gates)"),
        ("source.window.rows", "give a whole number, not '1e3'"),
        ("target.positive", "quote a label that is text"),
        ("features.numric", "unknown field 'numric' (did you mean 'numeric'?)"),
        ("model.estimator", "'LogisticRegression' must be an import path"),
        ("model.params", "give a mapping, not ['C']"),
        ("model.seed", "must be at least 0, not -1"),
        ("evaluation.holdout", "give a mapping with some of the fields days, rows, fraction, not 7"),
        ("evaluation.primary", "(did you mean 'roc_auc'?)"),
        ("evaluation.gates.minimum.roc_auk", "(did you mean 'roc_auc'?)"),
        ("evaluation.gates.tolerance", "give a number, not '1e-3' (YAML takes it for text: write 1.0e-3)"),
        ("validation[1].type", "'NotNull' must be a Great Expectations name"),
        ("schedule.cron", "has 4 fields, cron has five"),
        ("schedule.time_zone", "unknown time zone 'Berlin'"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(write, field, said):
    by_field = {field: message for (_, field), message in found(write("broken.yaml", BROKEN)).items()}
    assert said in by_field[field]


def test_a_problem_reads_as_file_line_field_message_hint(write, late):
    path = write("late.yaml", late.replace("numeric:", "numric:"))
    with pytest.raises(SpecFileError) as caught:
        load_spec(path)
    assert str(caught.value) == f"{path}:13: features.numric: unknown field 'numric' (did you mean 'numeric'?)"


def test_a_missing_field_is_said_at_the_part_that_lacks_it(write, late):
    path = write("late.yaml", late.replace("  event_time: at\n", "").replace("task: classification\n", ""))
    assert found(path) == {(1, "task"): "is required ()", (3, "source.event_time"): "is required ()"}


@pytest.mark.parametrize(
    ("was", "becomes", "line", "field", "said"),
    [
        ("window: {days: 60}", "window: {days: 60, rows: 5}", 8, "source.window", "exactly one of days, rows or since"),
        ("window: {days: 60}", "window: {days: 8}", 8, "source.window.days", "nothing is left to train on"),
        ("window: {days: 60}", "window: {days: .inf}", 8, "source.window.days", "finite number"),
        ("window: {days: 60}", "window: {days: 0}", 8, "source.window.days", "greater than 0"),
        ("window: {days: 60}", "window: {rows: true}", 8, "source.window.rows", "give a whole number, not true"),
        ("window: {days: 60}", "window: {since: 2013-01-01}", 8, "source.window.since", "a zone"),
        ("window: {days: 60}", "window: {since: 20130101}", 8, "source.window.since", "is not a date and time"),
        ("holdout: {days: 7}", "holdout: {rows: 5}", 22, "evaluation.holdout.rows", "min_rows, which needs 100"),
        ("primary: roc_auc", "primary: rmse", 23, "evaluation.primary", "not a metric of classification"),
        ("minimum: {roc_auc", "maximum: {roc_auc", 25, "evaluation.gates.maximum.roc_auc", "under 'minimum'"),
        ("column: late", "column: distance", 13, "features.numeric", "the model would see the answer"),
        ("column: late", "column: flight", 10, "target.column", "a key of the source"),
        ("uri: flights/", "uri: /etc/flights", 5, "source.uri", "leaves the data root"),
        ("uri: flights/", "uri: s3://bucket/a//b", 5, "source.uri", "without empty names"),
        ("uri: flights/", "uri: s3://bucket/../b", 5, "source.uri", "without empty names"),
        ("uri: flights/", "sql: SELECT 1;", 5, "source.sql", "semicolon"),
        ("uri: flights/", "sql: SELECT ';' ; /* all; */ -- of them", 5, "source.sql", "semicolon"),
        ("[distance, hour]", "[distance, distance]", 13, "features.numeric", "named twice: distance"),
        ("[distance, hour]", "[carrier]", 12, "features", "both numeric and categorical: carrier"),
        ("[carrier]", "carrier", 14, "features.categorical", "give a list, not 'carrier'"),
        ("{C: 0.5,", "{random_state: 5,", 20, "model.params", "set by model.seed"),
        ("0 6 * * 1", "0 25 * * 1", 27, "schedule.cron", "'25' is not a valid hour"),
        ("America/New_York", "America/NewYork", 27, "schedule.time_zone", "unknown time zone"),
        ("name: late", "name: ''", 1, "name", "must be letters"),
        ("description: Which flights arrive late.", "tags: ['']", 2, "tags[0]", "must not be empty"),
    ],
)
def test_contradictions_and_wrong_values_are_placed(write, late, was, becomes, line, field, said):
    assert was in late
    problems = found(write("late.yaml", late.replace(was, becomes, 1)))
    assert (line, field) in problems
    assert said in problems[line, field]


def test_a_share_of_the_window_that_never_passes_the_gate_is_refused(write, late):
    text = late.replace("{days: 60}", "{rows: 475}").replace("holdout: {days: 7}", "holdout: {fraction: 0.2}")
    said = found(write("late.yaml", text))[22, "evaluation.holdout.fraction"]
    assert "0.2 of the window's 475 rows are 95, which never passes the gate min_rows: it needs 100" in said
    assert load_spec(write("late.yaml", text.replace("rows: 475", "rows: 500")))


@pytest.mark.parametrize(
    ("bound", "field", "said"),
    [
        ("minimum: {roc_auc: 65}", "minimum.roc_auc", "is never reached: roc_auc is at most 1, and this is 65"),
        ("maximum: {log_loss: -1}", "maximum.log_loss", "is never reached: log_loss is at least 0, and this is -1"),
    ],
)
def test_a_bound_that_its_metric_never_reaches_is_refused(write, late, bound, field, said):
    assert (
        said
        in found(write("late.yaml", late.replace("minimum: {roc_auc: 0.6}", bound)))[25, f"evaluation.gates.{field}"]
    )


def test_more_columns_than_are_tested_never_drift(write, late):
    text = late + "monitoring:\n  drift: {exclude: [hour], min_columns: 2}\n"
    said = found(write("late.yaml", text))[29, "monitoring.drift.min_columns"]
    assert "so many can never drift: ks tests 1 columns, categorical 1" in said


def test_a_model_whose_spec_is_wrong_is_met_with_what_is_wrong(write, late, tmp_path):
    write("good.yaml", late)
    wrong = write("other.yaml", late.replace("name: late", "name: wrong\nowner: 5"))
    with pytest.raises(SpecFileError, match="owner: give text") as caught:
        find_spec("wrong", tmp_path)
    assert {problem.file for problem in caught.value.problems} == {wrong}


def test_an_expectation_of_what_the_transform_makes_is_refused(write, late):
    text = late.replace("  numeric:", "  transform: mine:make\n  inputs: [departure]\n  numeric:")
    assert (
        "'distance' is made by features.transform" in found(write("late.yaml", text))[19, "validation[0].kwargs.column"]
    )


def test_defaults_lie_under_each_spec(write, late):
    write(
        "_defaults.yaml",
        "owner: ops\nmodel: {params: {C: 9, max_iter: 50}}\ntags: [a, b]\nschedule: {cron: 1 1 1 1 1}\n",
    )
    spec = load_spec(write("late.yaml", late + "tags: [c]\n"))
    assert spec.owner == "ops"
    assert spec.model.params == {"C": 0.5, "class_weight": {0: 1, 1: 3}, "max_iter": 50}
    assert spec.tags == ("c",)
    assert spec.schedule.cron == "0 6 * * 1"


def test_null_takes_a_default_away(write, late):
    write("_defaults.yaml", "source: {window: {rows: 1000}}\n")
    problems = found(write("late.yaml", late))
    assert "given: days and rows" in problems[8, "source.window"]
    spec = load_spec(write("late.yaml", late.replace("{days: 60}", "{days: 60, rows: null}")))
    assert spec.source.window.rows is None


def test_an_error_in_the_defaults_is_placed_there_and_said_once(write, late, tmp_path):
    defaults = write("_defaults.yaml", "# ours\nowner: ops\nevaluation:\n  gates: {tolerence: 1}\n")
    write("late.yaml", late)
    write("later.yaml", late.replace("name: late", "name: later"))
    specs, problems = load_folder(tmp_path)
    assert specs == {}
    assert [(problem.file, problem.line, problem.field) for problem in problems] == [
        (defaults, 4, "evaluation.gates.tolerence")
    ]


@pytest.mark.parametrize("content", ["", "# nothing yet\n"])
def test_empty_defaults_are_no_defaults(write, late, content):
    write("_defaults.yaml", content)
    assert load_spec(write("late.yaml", late)).name == "late"


def test_defaults_that_are_no_mapping_stop_the_folder_with_one_problem(write, late, tmp_path):
    write("late.yaml", late)
    defaults = write("_defaults.yaml", "- owner\n")
    specs, problems = load_folder(tmp_path)
    assert specs == {}
    assert [str(problem) for problem in problems] == [f"{defaults}:1: defaults are a mapping of fields, not a list"]


def test_a_folder_gives_the_good_specs_and_the_problems_of_the_others(write, late, tmp_path):
    good = write("late.yaml", late)
    bad = write("bad.yml", "name: [")
    write("_draft.yaml", "not: a spec")
    write(".late.yaml.swp", "x")
    write("notes.txt", "x")
    specs, problems = load_folder(tmp_path)
    assert list(specs) == [good]
    assert [problem.file for problem in problems] == [bad]


def test_of_two_specs_with_one_name_neither_is_loaded_and_both_are_named(write, late, tmp_path):
    one, two = write("one.yaml", late), write("two.yaml", "# second\n" + late.replace("name: late", "name: Late"))
    other = write("other.yaml", late.replace("name: late", "name: other"))
    specs, problems = load_folder(tmp_path)
    assert list(specs) == [other]
    assert [(problem.file, problem.line, problem.field) for problem in problems] == [(one, 1, "name"), (two, 2, "name")]
    assert str(two) in problems[0].message
    assert str(one) in problems[1].message


def test_a_name_that_a_broken_spec_has_too_is_not_loaded(write, late, tmp_path):
    write("one.yaml", late)
    write("two.yaml", late.replace("task: classification", "task: guessing"))
    specs, problems = load_folder(tmp_path)
    assert specs == {}
    assert {problem.field for problem in problems} == {"name", "task"}


def test_a_name_in_the_defaults_collides_at_each_file(write, late, tmp_path):
    write("_defaults.yaml", "name: late\n")
    nameless = late.replace("name: late\n", "")
    paths = [write("one.yaml", nameless), write("two.yaml", nameless)]
    specs, problems = load_folder(tmp_path)
    assert specs == {}
    assert [problem.file for problem in problems] == paths


def test_a_folder_that_is_not_there_is_a_problem(tmp_path):
    specs, problems = load_folder(tmp_path / "models")
    assert specs == {}
    assert str(problems[0]) == f"{tmp_path}/models: the folder of specs cannot be listed: No such file or directory"


def test_a_spec_is_found_by_name_whatever_its_file_is_called(write, late, tmp_path):
    path = write("flights.yaml", late)
    assert find_spec("late", tmp_path) == find_spec(str(path), tmp_path / "elsewhere") == load_spec(path)


def test_an_unknown_name_is_met_with_the_nearest_and_with_what_was_left_out(write, late, tmp_path):
    write("late.yaml", late)
    write("broken.yaml", "name: ]")
    with pytest.raises(
        SpecError, match=re.escape("no model named 'lake': it has late (did you mean 'late'?)")
    ) as caught:
        find_spec("lake", tmp_path)
    assert f"left out:\n{tmp_path}/broken.yaml:1: is not YAML" in str(caught.value)


def test_importing_the_spec_imports_nothing_heavy():
    code = "import sys, perennial.spec; print(*sorted(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {
        "airflow",
        "numpy",
        "pandas",
        "scipy",
        "sklearn",
        "mlflow",
        "great_expectations",
        "boto3",
        "pyarrow",
        "skops",
    }
    assert not heavy.intersection(loaded)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_problem(write, late):
    path = write("late.yaml", late)
    path.chmod(0)
    assert [str(problem) for problem in problems_of(path)] == [f"{path}: cannot be read: Permission denied"]
