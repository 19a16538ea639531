"""The search space of a spec's candidates, in Optuna's terms and back.

Optuna stores numbers and short texts. A parameter is named after its candidate, such as `Ridge.alpha`, since candidates
may share names; a choice that is a list or a mapping is stored as its YAML.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from perennial.models.tuning import Choice
from perennial.spec.candidates import CandidateEstimator, SearchedParameter, is_active
from perennial.spec.reading.yaml_text import from_yaml

if TYPE_CHECKING:
    from optuna.distributions import CategoricalChoiceType
    from optuna.trial import Trial

    from perennial.spec import ModelSpec

CANDIDATE = "candidate"
"""Name of the parameter that chooses one of several candidates."""


@dataclass(frozen=True)
class Space:
    """The candidates of a spec and the values that their parameters may get."""

    candidates: tuple[CandidateEstimator, ...]

    @classmethod
    def of(cls, spec: ModelSpec) -> Space:
        """Return the search space of a spec."""
        return cls(spec.model.candidates)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """A name for each candidate: of its class, with a number if another one has the same."""
        classes = [one.estimator.rpartition(".")[2] for one in self.candidates]
        return tuple(
            name if classes.count(name) == 1 else f"{name} {classes[: number + 1].count(name)}"
            for number, name in enumerate(classes)
        )

    @property
    def size(self) -> float:
        """Most points that a grid has; infinity if a range is continuous."""
        return sum(candidate.size for candidate in self.candidates)

    def suggest(self, trial: Trial) -> Choice:
        """Have the trial's sampler choose a candidate and its parameters."""
        number = 0
        if len(self.candidates) > 1:
            number = self.names.index(str(trial.suggest_categorical(CANDIDATE, self.names)))
        candidate = self.candidates[number]
        chosen: dict[str, Any] = {}
        for name in candidate.order:
            one = candidate.search[name]
            if is_active(one, chosen):
                chosen[name] = _meant(one, _suggest(trial, f"{self.names[number]}.{name}", one))
        return Choice.of(candidate.estimator, {**candidate.params, **chosen})

    def grid(self) -> Iterator[dict[str, Any]]:
        """Yield each point of the grid once, as parameters of a trial, by candidates and then by their order."""
        for number, candidate in enumerate(self.candidates):
            for chosen in _points(candidate, candidate.order, {}):
                yield self._stored(number, chosen)

    def params_of(self, choice: Choice) -> dict[str, Any] | None:
        """Return a choice as parameters of a trial; None: it is not in the space."""
        params = from_yaml(choice.params)
        for number, candidate in enumerate(self.candidates):
            if candidate.estimator != choice.estimator:
                continue
            chosen: dict[str, Any] = {}
            for name in candidate.order:
                one = candidate.search[name]
                if is_active(one, chosen) and name in params and _contains(one, params[name]):
                    chosen[name] = params[name]
            expected = {name for name in candidate.order if is_active(candidate.search[name], chosen)}
            if params == {**candidate.params, **chosen} and expected == set(chosen):
                return self._stored(number, chosen)
        return None

    def examples(self) -> Iterator[Choice]:
        """Yield a choice of each candidate, by which errors of its class are found before there are rows."""
        for candidate in self.candidates:
            chosen: dict[str, Any] = {}
            for name in candidate.order:
                if is_active(candidate.search[name], chosen):
                    chosen[name] = candidate.search[name].ends[0]
            yield Choice.of(candidate.estimator, {**candidate.params, **chosen})

    def _stored(self, number: int, chosen: Mapping[str, Any]) -> dict[str, Any]:
        several = {CANDIDATE: self.names[number]} if len(self.candidates) > 1 else {}
        search = self.candidates[number].search
        return several | {
            f"{self.names[number]}.{name}": _label(value) if search[name].choices else value
            for name, value in chosen.items()
        }


def _suggest(trial: Trial, name: str, one: SearchedParameter) -> Any:
    if one.choices:
        return trial.suggest_categorical(name, _labels(one))
    low, high = one.ends
    if one.is_whole:
        return trial.suggest_int(name, low, high, log=one.log, step=int(one.step or 1))
    step = None if one.step is None else float(one.step)
    return trial.suggest_float(name, float(low), float(high), log=one.log, step=step)


def _labels(one: SearchedParameter) -> tuple[CategoricalChoiceType, ...]:
    return tuple(_label(value) for value in one.choices)


def _label(value: Any) -> CategoricalChoiceType:
    if value is None or isinstance(value, str | int | float):
        return value
    return yaml.safe_dump(value, default_flow_style=True).strip()


def _meant(one: SearchedParameter, stored: Any) -> Any:
    return one.choices[_labels(one).index(stored)] if one.choices else stored


def _contains(one: SearchedParameter, value: Any) -> bool:
    if one.choices:
        return value in one.choices
    low, high = one.ends
    kinds = (int,) if one.is_whole else (int, float)
    return type(value) in kinds and low <= value <= high


def _points(candidate: CandidateEstimator, left: tuple[str, ...], chosen: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if not left:
        yield chosen
        return
    one = candidate.search[left[0]]
    for value in _values(one) if is_active(one, chosen) else [None]:
        added = {left[0]: value} if is_active(one, chosen) else {}
        yield from _points(candidate, left[1:], chosen | added)


def _values(one: SearchedParameter) -> tuple[Any, ...]:
    if one.choices:
        return one.choices
    low, high = one.ends
    if one.is_whole:
        return tuple(range(low, high + 1, int(one.step or 1)))
    step = float(one.step or 1)
    numbers = itertools.count()
    points = itertools.takewhile(lambda value: value <= high + step * 1e-9, (low + step * n for n in numbers))
    return tuple(round(value, 12) for value in points)
