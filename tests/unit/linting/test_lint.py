from __future__ import annotations

import pytest

from perennial.linting import lint_paths, lint_spec
from perennial.spec import load_spec

LATE = """\
name: late
task: classification
source: {uri: flights/, event_time: at, window: {days: 60}}
target: {column: late}
features: {numeric: [distance]}
model:
  estimator: sklearn.linear_model.LogisticRegression
  params:
    C: 0.5
evaluation: {holdout: {days: 7}, primary: roc_auc}
"""


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        return path

    return write_file


def test_a_good_spec_has_no_problems(write):
    path = write("late.yaml", LATE)
    assert lint_spec(load_spec(path), path) == []


def test_a_problem_of_the_named_code_has_its_line(write):
    path = write("late.yaml", LATE.replace("C: 0.5", "c: 0.5"))
    assert [str(problem) for problem in lint_spec(load_spec(path), path)] == [
        f"{path}:9: model.params.c: LogisticRegression has no parameter 'c' (did you mean 'C'?)"
    ]


def test_a_breaker_that_resets_within_the_cool_down_is_said(write):
    limits = "retraining:\n  at_most: {{days: 90}}\n  cooldown_days: 10\n  breaker:\n    reset_days: {}\n"
    path = write("late.yaml", LATE + "monitoring: {}\n" + limits.format(10))
    assert lint_spec(load_spec(path), path) == []
    path = write("late.yaml", LATE + "monitoring: {}\n" + limits.format(5))
    (problem,) = lint_spec(load_spec(path), path)
    assert (problem.line, problem.field) == (16, "retraining.breaker.reset_days")
    assert "5 days are over before cooldown_days: 10" in problem.message


@pytest.mark.parametrize(
    ("window", "more", "field", "said"),
    [
        ("rows: 475", "monitoring: {}\n", "monitoring.min_rows", "a check waits for 500 new rows, more than the whole"),
        (
            "rows: 900",
            "monitoring: {}\n",
            "monitoring.min_rows",
            "a check waits for 500 new rows, 56% of the window's 900",
        ),
        (
            "days: 60",
            "schedule: {cron: 0 6 1 * *}\n",
            "evaluation.holdout.days",
            "the holdout has 7 days, and up to 31 lie between two retrainings",
        ),
        (
            "days: 60",
            "retraining: {cooldown_days: 10}\n",
            "retraining.at_most",
            "the budget of 3 in 30 days is never used up",
        ),
    ],
)
def test_what_is_only_suspicious_is_a_warning(write, window, more, field, said):
    text = LATE.replace("days: 60", window) + more
    path = write("late.yaml", text)
    (problem,) = lint_spec(load_spec(path), path)
    assert problem.is_warning
    assert problem.field == field
    assert f": warning: {field}: {said}" in str(problem)


@pytest.mark.parametrize(
    ("holdout", "cron", "said"),
    [
        ("{days: 7}", "0 6 * * 1", False),
        ("{days: 7}", "*/5 * * * *", False),
        ("{days: 7}", "0 6 29 2 *", True),
        ("{fraction: 0.1}", "0 6 * * 1", False),
        ("{fraction: 0.1}", "0 6 1 * *", True),
        ("{rows: 200}", "0 6 1 * *", False),
    ],
)
def test_a_holdout_is_held_against_the_longest_time_between_scheduled_retrainings(write, holdout, cron, said):
    text = LATE.replace("{days: 7}", holdout) + f"schedule: {{cron: {cron!r}}}\n"
    path = write("late.yaml", text)
    assert [problem.is_warning for problem in lint_spec(load_spec(path), path)] == [True] * said


def test_a_problem_of_what_the_defaults_say_is_placed_there(write):
    defaults = write("_defaults.yaml", "model:\n  params: {tool: 1}\n")
    path = write("late.yaml", LATE)
    (problem,) = lint_spec(load_spec(path), path)
    assert (problem.file, problem.line, problem.field) == (defaults, 2, "model.params.tool")


def test_a_misspelt_field_does_not_hide_what_else_is_wrong(write):
    text = LATE.replace("target:", "tagret:").replace("C: 0.5", "c: 0.5")
    text += "validation: [{type: expect_nothing}]\nschedule: {cron: 61 * * * *}\n"
    _, problems = lint_paths([write("late.yaml", text)])
    assert {(problem.line, problem.field) for problem in problems} == {
        (1, "target"),
        (4, "tagret"),
        (9, "model.params.c"),
        (11, "validation[0].type"),
        (12, "schedule.cron"),
    }


def test_files_and_folders_are_checked_together_and_each_file_once(write, tmp_path):
    one = write("late.yaml", LATE)
    write("other.yaml", LATE.replace("name: late", "name: other"))
    assert lint_paths([tmp_path, one]) == (2, [])


def test_names_collide_within_a_folder_only(write, tmp_path):
    write("late.yaml", LATE)
    elsewhere = write("elsewhere/late.yaml", LATE)
    assert lint_paths([tmp_path, elsewhere]) == (2, [])
    twin = write("twin.yaml", LATE)
    _, problems = lint_paths([tmp_path])
    assert {problem.file for problem in problems} == {tmp_path / "late.yaml", twin}


def test_a_path_that_leads_nowhere_is_a_problem_beside_the_others(write, tmp_path):
    path = write("late.yaml", LATE.replace("C: 0.5", "c: 0.5"))
    _, problems = lint_paths([tmp_path / "gone.yaml", tmp_path / "gone", path])
    assert [problem.file for problem in problems] == [tmp_path / "gone.yaml", tmp_path / "gone", path]


def test_a_problem_of_the_defaults_is_said_once(write, tmp_path):
    write("_defaults.yaml", "ower: me\n")
    write("late.yaml", LATE)
    write("other.yaml", LATE.replace("name: late", "name: other"))
    _, problems = lint_paths([tmp_path])
    assert [problem.field for problem in problems] == ["ower"]
