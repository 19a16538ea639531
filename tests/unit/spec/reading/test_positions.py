from __future__ import annotations

import pickle

import pytest
import yaml

from perennial.spec import SpecFileError
from perennial.spec.reading.positions import merge, read_yaml


def problem_of(path):
    with pytest.raises(SpecFileError) as caught:
        read_yaml(path)
    (problem,) = caught.value.problems
    return problem


def test_values_are_those_of_safe_load(write, late):
    assert read_yaml(write("late.yaml", late)).value == yaml.safe_load(late)


def test_each_part_knows_the_line_of_its_key_or_of_its_item(write):
    tree = read_yaml(write("a.yaml", "a:\n  b:\n    - 1\n    - c:\n        2\n"))
    assert [tree.at(path).line for path in [(), ("a",), ("a", "b"), ("a", "b", 1), ("a", "b", 1, "c")]] == [
        1,
        1,
        2,
        4,
        4,
    ]


def test_a_path_that_is_not_there_leads_to_what_is_above_it(write):
    tree = read_yaml(write("a.yaml", "x: 1\na:\n  b: 1\n"))
    assert tree.at(("a", "b", 5, "c")).line == 3
    assert tree.at(("gone", "b")).line == 1


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("a: 1\na: 2\n", 2, "a: occurs twice: it is in line 1 already"),
        ("a:\n  b: 1\n  c: 1\n  b: 2\n", 4, "a.b: occurs twice: it is in line 2 already"),
        ("a:\n - {x: 1,\n    x: 2}\n", 3, "a[0].x: occurs twice"),
        ("a: 1\n\tb: 2\n", 2, "(YAML is indented with spaces, never with tabs)"),
        ("a:\n\t- 2\n", 2, "(YAML is indented with spaces, never with tabs)"),
        ("a: [1, 2\nb: 3\n", 2, "is not YAML"),
        ("a: * * * * *\n", 1, "quote text such as '* * * * *'"),
        (
            "a: 1\nb: !!python/object/apply:os.system [ls]\n",
            2,
            "the YAML tag 'tag:yaml.org,2002:python/object/apply:os.system'",
        ),
        ("a: !!set {x, y}\n", 1, "the YAML tag"),
        ("a: 2013-13-45\n", 1, "a: '2013-13-45' looks like a date or number but is not one"),
        ("? [a, b]\n: 1\n", 1, "the name of a field must be text"),
        ("a: 1\n---\nb: 2\n", 2, "is not YAML: expected a single document"),
        (b"a: 1\nb: \xe9t\xe9\n", 2, "is not UTF-8"),
        ("a: *nowhere\n", 1, "undefined alias"),
        ("a: &x [*x]\n", 1, "a[0]: contains an alias of itself"),
        ("a: \x00\n", None, "is not YAML"),
    ],
)
def test_what_is_no_sound_yaml_is_said_with_its_line(write, content, line, said):
    problem = problem_of(write("a.yaml", content))
    assert problem.line == line
    assert said in str(problem)


def test_all_repeated_keys_are_said_at_once(write):
    with pytest.raises(SpecFileError) as caught:
        read_yaml(write("a.yaml", "a: 1\nb: {x: 1, x: 2}\na: 2\n"))
    assert {problem.field for problem in caught.value.problems} == {"a", "b.x"}


@pytest.mark.parametrize("content", ["", "# only a comment\n", "---\n"])
def test_a_file_with_nothing_in_it_is_none_or_null(write, content):
    tree = read_yaml(write("a.yaml", content))
    assert tree is None or tree.value is None


def test_a_byte_order_mark_is_no_part_of_the_first_key(write):
    assert read_yaml(write("a.yaml", b"\xef\xbb\xbfa: 1\n")).value == {"a": 1}


def test_anchors_and_merge_keys_work_and_keep_their_lines(write):
    content = "base: &base\n  x: 1\n  y: 2\nmine:\n  <<: *base\n  y: 3\nagain: *base\n"
    tree = read_yaml(write("a.yaml", content))
    assert tree.value == yaml.safe_load(content)
    assert [tree.at(path).line for path in [("mine", "x"), ("mine", "y"), ("again",), ("again", "x")]] == [2, 6, 7, 2]


def test_an_alias_in_a_list_is_placed_where_its_anchor_is(write):
    tree = read_yaml(write("a.yaml", "a: &a\n  x: 1\nb: [*a, *a]\n"))
    assert (tree.at(("b", 1)).line, tree.at(("b",)).line) == (1, 3)


def test_merging_keeps_the_place_of_each_part(write):
    under = read_yaml(write("under.yaml", "a: {x: 1, y: 1}\nl: [1, 2, 3]\nm: {z: 1}\n"))
    over = read_yaml(write("over.yaml", "\n\na: {y: 2}\nl: [9]\nm: 5\n"))
    both = merge(under, over)
    assert both.value == {"a": {"x": 1, "y": 2}, "l": [9], "m": 5}
    assert [
        (both.at(path).file.stem, both.at(path).line) for path in [("a", "x"), ("a", "y"), ("l", 2), ("m", "z")]
    ] == [
        ("under", 1),
        ("over", 3),
        ("over", 4),
        ("over", 5),
    ]


def test_the_error_survives_pickling(write):
    with pytest.raises(SpecFileError) as caught:
        read_yaml(write("a.yaml", "a: 1\na: 2\n"))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.problems == caught.value.problems
    assert str(copy) == str(caught.value)
