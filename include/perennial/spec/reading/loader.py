"""Load model specs from YAML files and folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from perennial.errors import SpecError
from perennial.spec.limits import MAX_PROBLEMS
from perennial.spec.model_spec import ModelSpec
from perennial.spec.reading.messages import explain
from perennial.spec.reading.positions import Located, merge, read_yaml
from perennial.spec.reading.problem import SpecFileError, SpecProblem, did_you_mean, dotted

DEFAULTS = "_defaults.yaml"
SUFFIXES = (".yaml", ".yml")
NAMED = 3
"""Maximum number of specs of the same name that a problem lists."""


def load_spec(path: Path) -> ModelSpec:
    """Read one spec, merged with `_defaults.yaml` if its folder has one.

    Raises
    ------
    SpecFileError
        With all problems, each with file, line and field.
    """
    return check(read_spec(path, read_defaults(path.parent)))


def load_folder(folder: Path) -> tuple[dict[Path, ModelSpec], tuple[SpecProblem, ...]]:
    """Read all specs of a folder; return the valid ones by file, and the problems of the others.

    Files whose name begins with `_` or `.` are not specs. Specs with the same name are not loaded.
    """
    specs: dict[Path, ModelSpec] = {}
    trees: dict[Path, Located] = {}
    problems: list[SpecProblem] = []
    try:
        files = spec_files(folder)
        defaults = read_defaults(folder)
    except SpecFileError as error:
        return {}, error.problems
    for path in files:
        try:
            trees[path] = read_spec(path, defaults)
            specs[path] = check(trees[path])
        except SpecFileError as error:
            problems.extend(error.problems)
    clashes = name_clashes(trees)
    good = {path: spec for path, spec in specs.items() if path not in clashes}
    # A problem in the defaults occurs in every spec; it is reported once.
    return good, tuple(dict.fromkeys((*problems, *clashes.values())))


def find_spec(model: str, folder: Path) -> ModelSpec:
    """Return the spec of that name in the folder, or the one at that path.

    Raises
    ------
    SpecError
        There is no such spec, or it is wrong.
    """
    if model.endswith(SUFFIXES):
        return load_spec(Path(model))
    specs, problems = load_folder(folder)
    by_name = {spec.name: spec for spec in specs.values()}
    if model in by_name:
        return by_name[model]
    own = [problem for problem in problems if _is_of(model, problem.file)]
    if own:
        raise SpecFileError(own)
    known = (
        f"it has {', '.join(sorted(by_name))}"
        if by_name
        else "none of its specs can be used"
        if problems
        else "it has no specs"
    )
    hint = did_you_mean(model, by_name)
    left_out = "".join(f"\n{problem}" for problem in problems)
    raise SpecError(
        f"{folder} has no model named {model!r}: {known}"
        + (f" ({hint})" if hint else "")
        + (f"\nThese specs are wrong and were left out:{left_out}" if problems else "")
    )


def _is_of(model: str, path: Path) -> bool:
    try:
        return bool(read_spec(path, None).value.get("name") == model)
    except SpecFileError:
        return path.stem == model


def spec_files(folder: Path) -> list[Path]:
    """Return the folder's spec files in the order of their names, or raise SpecFileError if it cannot be listed."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        problem = SpecProblem(folder, None, "", f"the folder of specs cannot be listed: {error.strerror}")
        raise SpecFileError([problem]) from None
    return [path for path in entries if path.suffix in SUFFIXES and not path.name.startswith(("_", "."))]


def read_defaults(folder: Path) -> Located | None:
    """Read the folder's `_defaults.yaml`; None if it does not exist or is empty."""
    path = folder / DEFAULTS
    if not os.path.lexists(path):
        return None
    tree = read_yaml(path)
    return None if tree is None else _mapping(tree, "defaults are")


def read_spec(path: Path, defaults: Located | None) -> Located:
    """Read a spec's YAML, merged with the defaults, without checking its fields."""
    tree = read_yaml(path)
    if tree is None:
        raise SpecFileError([SpecProblem(path, None, "", "is empty")])
    tree = _mapping(tree, "a spec is")
    return tree if defaults is None else merge(defaults, tree)


def check(tree: Located) -> ModelSpec:
    """Return the spec, or raise SpecFileError with all problems of its fields."""
    try:
        return ModelSpec.model_validate(tree.value)
    except ValidationError as error:
        explained = [explain(details) for details in error.errors(include_url=False)[:MAX_PROBLEMS]]
    except Exception as error:  # an unexpected error must not hide the other specs
        raise SpecFileError([unforeseen(tree.file, error)]) from error
    problems = []
    for path, message, hint in explained:
        place = tree.at(path)
        problems.append(SpecProblem(place.file, place.line, dotted(path), message, hint))
    raise SpecFileError(sorted(problems, key=lambda problem: (problem.file != tree.file, problem.line or 0)))


def unforeseen(path: Path, error: Exception) -> SpecProblem:
    """Return a problem for a spec that made Perennial itself fail."""
    return SpecProblem(path, None, "", f"cannot be used: {type(error).__name__}: {error}", "a fault of Perennial's")


def name_clashes(trees: Mapping[Path, Located]) -> dict[Path, SpecProblem]:
    """Return the files whose spec has the same name as another, each with a problem.

    Case is ignored, as in some file systems and databases, since the name becomes a folder and two DAG ids.
    """
    by_name: dict[str, list[Path]] = {}
    for path, tree in trees.items():
        name = tree.value.get("name")
        if isinstance(name, str):
            by_name.setdefault(name.casefold(), []).append(path)
    clashes = {}
    for paths in by_name.values():
        for path in paths:
            others = [other for other in paths[: NAMED + 1] if other != path][:NAMED]
            if others:
                named = [f"{trees[other].value['name']!r} in {other}" for other in others]
                more = len(paths) - 1 - len(others)
                message = f"{trees[path].value['name']!r} is the name of another spec too: {', '.join(named)}" + (
                    f" and {more} more" if more else ""
                )
                clashes[path] = SpecProblem(path, _own_line(path, trees[path]), "name", message)
    return clashes


def _own_line(path: Path, tree: Located) -> int | None:
    place = tree.at(("name",))
    return place.line if place.file == path else None


def _mapping(tree: Located, subject: str) -> Located:
    if isinstance(tree.value, dict):
        return tree
    kind = "a list" if isinstance(tree.value, list) else f"{tree.value!r}"
    raise SpecFileError([SpecProblem(tree.file, tree.line, "", f"{subject} a mapping of fields, not {kind}")])
