"""Checks that each of a spec's candidates can be built, whatever a search chooses for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from perennial.linting.estimator import WEIGHTS, check_estimator
from perennial.linting.importing import CannotImport, import_name
from perennial.linting.parameters import parameters_of
from perennial.spec.candidates import CandidateEstimator
from perennial.spec.evaluation import EvaluationSection
from perennial.spec.model import Model
from perennial.spec.reading.finding import Finding
from perennial.spec.reading.problem import FieldPath


def check_candidates(model: Model, task: str | None, evaluation: EvaluationSection | None) -> Iterator[Finding]:
    """Yield what is wrong with the estimators that compete, and with their search spaces; see `check_estimator`."""
    for number, candidate in enumerate(model.candidates):
        at = ("model", "candidates", number)
        needed = _required_parameters(candidate.estimator) & set(candidate.search)
        base = {**candidate.params, **{name: candidate.search[name].ends[0] for name in sorted(needed)}}
        # All names of the search, so that a name that the class does not know is found.
        named = {**base, **{name: one.ends[0] for name, one in candidate.search.items()}}
        unknown = [
            found
            for found in check_estimator(_as_model(model, candidate, named), None, None)
            if found.path[:2] == ("model", "params") and len(found.path) == 3
        ]
        yield from (_placed(found, at, candidate) for found in unknown)
        if unknown:
            continue
        wrong = list(check_estimator(_as_model(model, candidate, base), task, evaluation))
        yield from (_placed(found, at, candidate) for found in wrong)
        if not wrong:
            yield from _refused_values(model, candidate, base, at)


def _required_parameters(estimator: str) -> frozenset[str]:
    """Return the parameters without a default; none if the estimator cannot be imported."""
    module_name, _, name = estimator.rpartition(".")
    try:
        parameters = parameters_of(import_name(module_name, name)) or {}
    except (CannotImport, TypeError):
        return frozenset()
    return frozenset(name for name, one in parameters.items() if one.default is one.empty)


def _refused_values(
    model: Model, candidate: CandidateEstimator, base: Mapping[str, Any], at: FieldPath
) -> Iterator[Finding]:
    """Yield a finding for each searched parameter of which the class refuses a bound or a choice."""
    for name, one in candidate.search.items():
        for value in one.ends:
            for found in check_estimator(_as_model(model, candidate, {**base, name: value}), None, None):
                yield Finding((*at, "search", name), f"{value!r} is refused: {found.message}", found.hint)


def _as_model(model: Model, candidate: CandidateEstimator, params: Mapping[str, Any]) -> Model:
    # Without the seed: that one of several candidates does not use it is nothing wrong.
    return model.model_copy(
        update={"estimator": candidate.estimator, "params": dict(params), "candidates": (), "seed": 0}
    )


def _placed(found: Finding, at: FieldPath, candidate: CandidateEstimator) -> Finding:
    """Return a finding about an estimator at the place of the candidate."""
    path = found.path
    if path[:2] == ("model", "params"):
        part = "search" if len(path) == 3 and path[2] in candidate.search else "params"
        path = (*at, part, *path[2:])
    elif path[:2] == ("model", "estimator") or path in WEIGHTS:
        path = (*at, "estimator")
    return Finding(path, found.message, found.hint)
