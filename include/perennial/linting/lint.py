"""Find everything wrong with specs that can be found without data: in their fields, and in the code that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from perennial.linting.candidates import check_candidates
from perennial.linting.estimator import check_estimator
from perennial.linting.holdout import check_holdout
from perennial.linting.imbalance import check_resampling
from perennial.linting.mitigation import check_mitigation
from perennial.linting.onnx import check_onnx
from perennial.linting.pruner import check_pruner
from perennial.linting.retraining import check_batches, check_retraining
from perennial.linting.sampler import check_sampler
from perennial.linting.steps import check_steps
from perennial.linting.transform import check_transform
from perennial.spec import ModelSpec, SpecFileError, SpecProblem
from perennial.spec.model import Model
from perennial.spec.reading.finding import Caution, Finding
from perennial.spec.reading.loader import check, name_clashes, read_defaults, read_spec, spec_files
from perennial.spec.reading.positions import Located
from perennial.spec.reading.problem import dotted
from perennial.validation.expectations import check_expectations
from perennial.validation.expected_values import columns_read_as


def lint_paths(paths: Sequence[Path]) -> tuple[int, list[SpecProblem]]:
    """Check spec files and all specs of folders.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders.

    Returns
    -------
    int
        Number of specs.
    list of SpecProblem
        Everything that is wrong with the specs and the paths; and warnings.
    """
    problems: list[SpecProblem] = []
    folders: dict[Path, dict[Path, None]] = {}  # by folder, since names must be unique within a folder
    for path in paths:
        try:
            files = spec_files(path) if path.is_dir() else [path]
        except SpecFileError as error:
            problems.extend(error.problems)
            continue
        for file in files:
            folders.setdefault(file.parent, {})[file] = None
    for files_of_folder in folders.values():
        problems.extend(_lint_files(files_of_folder))
    return sum(map(len, folders.values())), list(dict.fromkeys(problems))


def lint_spec(spec: ModelSpec, path: Path) -> list[SpecProblem]:
    """Check the code that a spec names: estimator and its parameters, transform, expectations and their arguments.

    Imports what the spec names, and Great Expectations if it has expectations.

    Parameters
    ----------
    spec : ModelSpec
    path : Path
        The spec's file, for the lines of the problems.
    """
    return _deep(dict(spec), read_spec(path, read_defaults(path.parent)))


def _lint_files(files: Mapping[Path, None]) -> Iterator[SpecProblem]:
    trees: dict[Path, Located] = {}
    for path in files:
        try:
            trees[path] = read_spec(path, read_defaults(path.parent))
        except SpecFileError as error:
            yield from error.problems
            continue
        try:
            parts = dict(check(trees[path]))
        except SpecFileError as error:
            yield from error.problems
            parts = _sound_parts(trees[path])
        yield from _deep(parts, trees[path])
    yield from name_clashes(trees).values()


def _sound_parts(tree: Located) -> dict[str, Any]:
    """Return the valid parts, so that one misspelt field does not hide what is wrong elsewhere."""
    parts = {}
    for name, field in ModelSpec.model_fields.items():
        if name in tree.children:
            with suppress(Exception):
                parts[name] = TypeAdapter(field.rebuild_annotation()).validate_python(tree.children[name].value)
    return parts


def _deep(parts: Mapping[str, Any], tree: Located) -> list[SpecProblem]:
    problems = []
    for finding in _findings(parts):
        place = tree.at(finding.path)
        problems.append(
            SpecProblem(
                place.file,
                place.line,
                dotted(finding.path),
                finding.message,
                finding.hint,
                isinstance(finding, Caution),
            )
        )
    return problems


def _findings(parts: Mapping[str, Any]) -> Iterator[Finding]:
    if "model" in parts:
        yield from _findings_of_model(parts["model"], parts)
    if parts.get("tuning") is not None:
        yield from check_sampler(parts["tuning"])
    if parts.get("tuning") is not None and "model" in parts:
        yield from check_pruner(parts["tuning"], parts["model"])
    if "features" in parts and parts["features"].transform is not None:
        yield from check_transform(parts["features"].transform)
    if "features" in parts:
        yield from check_steps(parts["features"].steps)
    if parts.get("retraining") is not None:
        yield from check_retraining(parts["retraining"])
    if parts.get("monitoring") is not None and "source" in parts:
        yield from check_batches(parts["monitoring"], parts["source"].windows)
    if parts.get("schedule") is not None and "evaluation" in parts and "source" in parts:
        yield from check_holdout(parts["schedule"], parts["evaluation"].holdout, parts["source"].windows)
    yield from check_expectations(parts.get("validation", ()), columns_read_as(parts))


def _findings_of_model(model: Model, parts: Mapping[str, Any]) -> Iterator[Finding]:
    check_models = check_candidates if model.candidates else check_estimator
    yield from check_models(model, parts.get("task"), parts.get("evaluation"))
    if model.imbalance.resampling is not None:
        yield from check_resampling(model.imbalance.resampling, parts.get("features"))
    if model.mitigation is not None:
        yield from check_mitigation(model.mitigation, model, parts.get("features"))
    if "onnx" in parts.get("packages", ()):
        yield from check_onnx(model, parts.get("features"))
