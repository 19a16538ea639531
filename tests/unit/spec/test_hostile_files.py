"""Whatever one file of the folder holds, its error stands alone, in time, and the other specs are read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perennial.linting import lint_paths
from perennial.spec import SpecFileError, load_folder, load_spec
from perennial.spec.concerns import Concern, digest_of
from perennial.spec.limits import MAX_BYTES, MAX_PROBLEMS
from tests.unit.spec.conftest import LATE

SECONDS = 10  # of processor time; the slowest takes one or two, and the garbage of other tests is collected meanwhile
BOMB = "a: &a0 [x, x]\n" + "".join(f"b{i}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(40))
TAGS = "".join(f"- &a{i} [{', '.join([f'*a{i - 1}'] * 9 if i else 'x')}]\n" for i in range(40))
MERGE_BOMB = "a: &a0 {x: 1}\n" + "".join(
    f"b{i}: &a{i + 1}\n  <<: [{', '.join([f'*a{i}'] * 9)}]\n  k{i}: 1\n" for i in range(40)
)
WIDE_MERGES = (
    "a: &a {" + ", ".join(f"k{i}: 1" for i in range(9000)) + "}\n" + "".join(f"b{i}: {{<<: *a}}\n" for i in range(9000))
)
HALF = MAX_BYTES // 2
GOOD = LATE.replace("name: late", "name: untouched")


def refusal(folder: Path, content: str | bytes) -> str:
    """Return what is said of a file beside a good spec, by the DAG files and by lint alike."""
    (folder / "good.yaml").write_text(GOOD)
    bad = folder / "bad.yaml"
    bad.write_bytes(content.encode() if isinstance(content, str) else content)
    began = time.process_time()
    specs, problems = load_folder(folder)
    assert time.process_time() - began < SECONDS
    assert [path.name for path in specs] == ["good.yaml"]
    assert problems
    assert {problem.file for problem in problems} == {bad}
    assert len(problems) <= MAX_PROBLEMS
    with pytest.raises(SpecFileError) as caught:
        load_spec(bad)
    assert caught.value.problems == problems
    said = "\n".join(map(str, problems))
    said.encode()
    assert not [character for character in said if character != "\n" and ord(character) < 32]
    _, linted = lint_paths([bad])
    assert set(problems) <= set(linted)
    return said


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("{days: 60}", "{since: '0001-01-01T00:00:00+14:00'}", "since: 0001-01-01 00:00:00+14:00 is not within"),
        ("{days: 60}", "{since: 0001-01-01T00:00:00+14:00}", "is not within the years 1 to 9999"),
        ("{days: 60}", "{since: 9999-12-31T23:59:59-12:00}", "is not within the years 1 to 9999"),
        ("{days: 60}", "{since: '20130101'}", "needs a time and a zone"),
        ("{days: 60}", "{since: '1e10'}", "'1e10' is not a date and time"),
        ("{days: 60}", "{since: [1]}", "[1] is not a date and time"),
        ("{days: 60}", "{days: 1.0e+300}", "must be at most 3652059, not 1e+300"),
        ("{days: 60}", "{days: 1.0e-300}", "1e-300 days are less than a second"),
        ("{days: 60}", "{days: 1.0e+999}", "1.0e+999 is too large a number"),
        ("{days: 60}", f"{{rows: {10**18}}}", "must be at most 1000000000000000"),
        ("{days: 60}", f"{{rows: {10**30}}}", "is too large a number"),
        ("holdout: {days: 7}", "holdout: {days: 99999999}", "must be at most 3652059"),
        ("label_delay_days: 1", "label_delay_days: 1.0e+9", "must be at most 3652059"),
        ("positive: 1", f"positive: {10**30}", "is too large a number"),
        ("C: 0.5", "C: 1" + "0" * 5000, "a number of 5001 characters is too long"),
        ("C: 0.5", f"C: 0x{'f' * 6000}", "a number of 6002 characters is too long"),
        ("C: 0.5", "C: 1:" + "1:" * 9000 + "1", "characters is too long"),
        ("C: 0.5", "C: !!bool maybe", "'maybe' looks like"),
        ("C: 0.5", "C: !!timestamp soon", "'soon' looks like"),
        ("C: 0.5", "C: !!int ''", "'' looks like"),
        ("C: 0.5", "C: !!python/name:os.system", "the YAML tag"),
        ("C: 0.5", "!!python/name:os.system '': 1", "has the YAML tag"),
        ("C: 0.5", "C: =", "the YAML tag"),
        ("C: 0.5", "1: a, true: b", "occurs twice"),
        ("C: 0.5", "<<: 5", "merges mappings only"),
        ("C: 0.5", "<<: {a: 1}, <<: {b: 1}", "occurs twice"),
        ("C: 0.5", "C: &x {y: *x}", "contains an alias of itself"),
        ("C: 0.5", "C: &x {<<: *x}", "contains an alias of itself"),
        ("C: 0.5", "C: " + "[" * 40 + "]" * 40, "is nested too deeply"),
        ("name: late", 'name: "la\\0te"', "the control character U+0000"),
        ("name: late", 'owner: "\\e[31m"', "the control character U+001B"),
        ("name: late", '"\\e[31m": x', "the control character U+001B"),
        ("name: late", f"owner: {'x' * 300}", "must be no longer than 250 characters"),
        ("0 6 * * 1", "0 6 * * 1/" + "9" * 5000, "weekday"),
        ("0 6 * * 1", "0 ٦ * * 1", "hour"),
        ("0 6 * * 1", "0 6 31 9 *,6", "never occurs"),
        ("0 6 * * 1", "0 6 30 feb 0-6", "never occurs"),
        ("0 6 * * 1", "*/٣ 6 * * 1", "minute"),
        ("America/New_York", "/etc/passwd", "unknown time zone"),
        ("America/New_York", "x" * 9000, "unknown time zone"),
    ],
    ids=lambda text: text[:24],
)
def test_a_value_that_no_spec_can_have_costs_that_spec_only(tmp_path, was, becomes, said):
    text = LATE.replace("column: late", "column: late\n  positive: 1").replace(was, becomes, 1)
    assert text != LATE
    assert said in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("schedule", "{every_minutes: 999999999999999}", "must be at most 527040"),
        ("lateness_days", "1.0e+300", "must be at most 3652059"),
        ("page_hinkley", "{shift: 1.0e-300}", "must be at least 0.001"),
    ],
)
def test_spans_of_monitoring_are_bounded(tmp_path, field, value, said):
    assert said in refusal(tmp_path, LATE + f"monitoring:\n  {field}: {value}\n")


@pytest.mark.parametrize(
    "field", ["cooldown_days: 1.0e+300", "at_most: {days: 1.0e+300}", "breaker: {reset_days: 1.0e+300}"]
)
def test_spans_of_the_governor_are_bounded(tmp_path, field):
    assert "must be at most 3652059" in refusal(tmp_path, LATE + f"retraining:\n  {field}\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(LATE + "tags:\n" + TAGS, "has too many values", id="alias bomb in tags"),
        pytest.param(BOMB, "has too many values", id="alias bomb"),
        pytest.param(LATE.replace("C: 0.5", "C: 0.5, <<: {}") + BOMB, "has too many values", id="bomb in a spec"),
        pytest.param(MERGE_BOMB, "", id="merge bomb"),
        pytest.param(WIDE_MERGES, "has too many values", id="many merges of many keys"),
        pytest.param(
            "a0: &a0 {}\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 5000)),
            "is nested too deeply",
            id="a long chain of aliases",
        ),
        pytest.param("[" * MAX_BYTES, "is nested too deeply", id="brackets"),
        pytest.param("{" * MAX_BYTES, "is nested too deeply", id="braces"),
        pytest.param("- " * HALF, "is nested too deeply", id="dashes"),
        pytest.param("? " * HALF, "is nested too deeply", id="question marks"),
        pytest.param("".join(" " * i + "a:\n" for i in range(600)), "is nested too deeply", id="steps"),
        pytest.param("[" + "a," * (HALF - 1) + "]", "has too many values", id="a long list"),
        pytest.param("".join(f"k{i}: 1\n" for i in range(20000)), "unknown field", id="many fields"),
        pytest.param("name: " + "x" * (MAX_BYTES - 6), "must be no longer", id="a long name"),
        pytest.param("x" * (MAX_BYTES + 1), "is too large: a spec may have 256 KiB", id="a large file"),
        pytest.param(b"\xff\xfe" + LATE.encode("utf-16-le"), "is not UTF-8", id="UTF-16"),
        pytest.param(LATE.encode() + b"\x00", "is not YAML", id="NUL"),
        pytest.param("name: \x1b[31m\n", "is not YAML", id="a control character"),
        pytest.param("---\n" * 9000, "single document", id="many documents"),
        pytest.param("'" * MAX_BYTES, "", id="quotes"),
        pytest.param(
            LATE.replace("[distance, hour]", "[" + ", ".join(f"c{i % 9000}" for i in range(18000)) + "]"),
            "named twice",
            id="many features twice",
        ),
    ],
)
def test_a_file_that_is_too_much_is_refused_in_time(tmp_path, content, said):
    assert said in refusal(tmp_path, content)


def test_a_wide_table_is_not_too_much(tmp_path):
    columns = [f"measurement_{i}" for i in range(5000)]
    (tmp_path / "wide.yaml").write_text(LATE.replace("[distance, hour]", f"[{', '.join(columns)}]"))
    assert len(load_spec(tmp_path / "wide.yaml").features.numeric) == 5000


def test_merge_keys_mean_what_yaml_says(write):
    content = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  z: 3\n  <<: [*a, *b]\nd: {<<: {<<: *a, x: 5}}\n"
    from perennial.spec.reading.positions import read_yaml

    assert read_yaml(write("a.yaml", content)).value == yaml.safe_load(content)


def test_a_named_pipe_keeps_nobody_waiting(tmp_path):
    (tmp_path / "good.yaml").write_text(LATE)
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "endless.yaml").symlink_to("/dev/zero")
    (tmp_path / "nowhere.yaml").symlink_to(tmp_path / "gone")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    specs, problems = load_folder(tmp_path)
    assert [path.name for path in specs] == ["good.yaml"]
    assert {problem.file.name: problem.message for problem in problems} == {
        "pipe.yaml": "is not a file",
        "folder.yaml": "is not a file",
        "endless.yaml": "is not a file",
        "nowhere.yaml": "cannot be read: No such file or directory",
        "loop.yaml": "cannot be read: Too many levels of symbolic links",
    }


def test_a_file_name_of_any_bytes_can_be_said(tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff\x1b.yaml"
    Path(os.fsdecode(name)).write_text("x: 1")
    (tmp_path / "good.yaml").write_text(LATE)
    specs, problems = load_folder(tmp_path)
    assert len(specs) == 1
    assert r"\udcff\u001b.yaml" in str(problems[0]).encode().decode()


def test_defaults_that_lead_nowhere_are_not_taken_for_none(tmp_path):
    (tmp_path / "good.yaml").write_text(LATE)
    (tmp_path / "_defaults.yaml").symlink_to(tmp_path / "gone")
    specs, problems = load_folder(tmp_path)
    assert (specs, [problem.file.name for problem in problems]) == ({}, ["_defaults.yaml"])


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**15),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=3),
    st.sampled_from(["0 6 * * 1", "UTC", "s3://x", "a.b", "a:b", "roc_auc", "1e999", "0001-01-01T00:00:00+14:00"]),
)
fields = st.sampled_from(sorted(
    {"name", "task", "source", "window", "since", "days", "rows", "target", "positive", "features", "numeric",
     "validation", "kwargs", "type", "model", "params", "evaluation", "holdout", "primary", "gates", "minimum",
     "schedule", "cron", "every_minutes", "monitoring", "drift", "exclude", "retraining", "triggers", "tags",
     "alerts", "email", "to", "resources", "memory", "cpu", "region", "owner", "description"}
))  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(fields, scalars), inner, max_size=5)
    ),
    max_leaves=20,
)


def paths_in(value: object, above: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [above] + [path for key, part in parts for path in paths_in(part, (*above, key))]


@st.composite
def changed_specs(draw: st.DrawFn) -> str:
    """A good spec with some of its values replaced and added, as YAML."""
    spec = yaml.safe_load(LATE) | {"monitoring": {}, "retraining": {}, "resources": {}, "alerts": {}, "tags": []}
    for _ in range(draw(st.integers(1, 4))):
        *above, last = draw(st.sampled_from([path for path in paths_in(spec) if path]))
        part = spec
        for step in above:
            part = part[step]
        part[last] = draw(values)
        if isinstance(part, dict) and draw(st.booleans()):
            part[draw(fields)] = draw(values)
    return yaml.safe_dump(spec, allow_unicode=draw(st.booleans()))


pieces = st.sampled_from(
    ["a", "b: ", "- ", "? ", ": ", "\n", "  ", "{", "}", "[", "]", ",", "&a ", "*a", "<<: ", "!!", "!!int ", "!!map ",
     "!!python/object:os.x ", "'", '"', "|", ">", "#", "---", "...", "%YAML", "0x", "1e9", "9" * 70, ".inf", ".nan",
     "2013-01-01", "T00:00:00Z", "1:2", "=", "~", "\t", "\ufeff", "\x00", "\x85", "\u2028", "name: ", "model:\n  ",
     "params: ", "source: ", "window: "]
)  # fmt: skip
texts = (
    st.one_of(
        st.text(),
        st.lists(pieces, max_size=40).map("".join),
        changed_specs(),
        st.tuples(st.sampled_from(range(len(LATE))), st.lists(pieces, max_size=6).map("".join)).map(
            lambda at: LATE[: at[0]] + at[1] + LATE[at[0] :]
        ),
    ).map(str.encode)
    | st.binary()
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=texts)
def test_any_text_is_a_spec_or_a_problem_of_its_own(tmp_path, content):
    good, other = tmp_path / "good.yaml", tmp_path / "other.yaml"
    good.write_text(GOOD)
    other.write_bytes(content)
    specs, problems = load_folder(tmp_path)
    assert good in specs
    assert (other in specs) != bool(problems)
    for problem in problems:
        assert problem.file == other
        assert "a fault of Perennial's" not in str(problem)
        str(problem).encode()
    if other in specs:
        digest_of(specs[other], *Concern)
