"""The steps that make columns from features."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from perennial.spec.feature_names import FeatureKind, Kinds, is_like, is_pattern
from perennial.spec.patterns import CLASS_PATH, STEP_NAME
from perennial.spec.section import Section, Text, no_repeats

ALL = "all"

Complaint = tuple[tuple[str | int, ...], str]

# Tagged, so that an error is only about the form that was given.
_Columns = Annotated[
    Annotated[tuple[Text, ...], Field(min_length=1), Tag("[list]")]
    | Annotated[FeatureKind | Literal["all"], Tag("[one]")],
    Discriminator(lambda given: "[list]" if isinstance(given, list | tuple) else "[one]"),
]


class Step(Section):
    """A transformer and the columns that it takes."""

    name: str | None = Field(default=None, pattern=STEP_NAME, max_length=100)
    """By which later steps take what this one makes."""
    transformer: str = Field(pattern=CLASS_PATH)
    """Import path of a scikit-learn compatible class, such as `sklearn.preprocessing.TargetEncoder`."""
    columns: _Columns
    """A list of features, patterns of their names, such as `temp_*`, and names of earlier steps; or a kind, such as
    `numeric`: the features of this kind that no step names; or `all`: everything that the estimator would get without
    this step."""
    params: dict[str, Any] = {}
    """Arguments of its constructor. A function or another estimator: `{import: path}`, with `params` of its own."""

    @property
    def takes_all(self) -> bool:
        """Whether the step takes everything that the estimator would get without it."""
        return self.columns == ALL

    @field_validator("columns")
    @classmethod
    def _once(cls, columns: Any) -> Any:
        return no_repeats(columns) if isinstance(columns, tuple) else columns

    @field_validator("params")
    @classmethod
    def _seed_has_its_field(cls, params: dict[str, Any]) -> dict[str, Any]:
        if "random_state" in params:
            raise ValueError("random_state is set by model.seed")
        return params


def taken_features(steps: Sequence[Step], kinds: Kinds) -> list[tuple[str, ...]]:
    """Return for each step the features that it takes; none for a step that takes all.

    Parameters
    ----------
    steps : sequence of Step
    kinds : mapping of kind to names of features
    """
    features = [name for names in kinds.values() for name in names]
    listed = [_listed(step, features) for step in steps]
    named = {name for names in listed for name in names}
    taken = []
    for step, names in zip(steps, listed, strict=True):
        of_kind = () if isinstance(step.columns, tuple) or step.columns == "all" else kinds[step.columns]
        taken.append((*names, *(name for name in of_kind if name not in named)))
    return taken


def _listed(step: Step, features: Sequence[str]) -> tuple[str, ...]:
    """Return the features that a step's list names, itself or by a pattern."""
    entries = step.columns if isinstance(step.columns, tuple) else ()
    return tuple(dict.fromkeys(name for entry in entries for name in _meant(entry, features)))


def _meant(entry: str, features: Sequence[str]) -> list[str]:
    return [entry] if entry in features else [name for name in features if fnmatchcase(name, entry)]


def taken_steps(steps: Sequence[Step], number: int) -> tuple[int, ...]:
    """Return the numbers, from 0, of the earlier steps whose results a step takes."""
    columns = steps[number].columns
    return tuple(i for i, step in enumerate(steps[:number]) if isinstance(columns, tuple) and step.name in columns)


def wrong_steps(steps: Sequence[Step], kinds: Kinds) -> Iterator[Complaint]:
    """Yield what is wrong with steps beyond each one's own fields: path below `features`, and message."""
    taken = taken_features(steps, kinds)
    for number, step in enumerate(steps):
        place = ("steps", number)
        for message in (*_unknown_columns(steps, number, kinds), *_taken_twice(steps, number)):
            yield (*place, "columns"), message
        if step.columns in kinds and not taken[number]:
            yield (*place, "columns"), f"no {step.columns} feature is left that no step names"
        if not step.takes_all and any(before.takes_all for before in steps[:number]):
            yield (*place, "columns"), "a step before this one takes all: only steps that take all can follow"
        yield from (((*place, "name"), message) for message in _name_clashes(steps, number, kinds))


def _unknown_columns(steps: Sequence[Step], number: int, kinds: Kinds) -> Iterator[str]:
    columns = steps[number].columns
    if not isinstance(columns, tuple):
        return
    known = [*(name for names in kinds.values() for name in names), *(s.name for s in steps[:number] if s.name)]
    for name in columns:
        if name not in known and not _meant(name, known) and not _may_be_matched(name, known):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            yield f"{name!r} is neither a feature nor the name of an earlier step{hint}"


def _may_be_matched(name: str, known: Sequence[str]) -> bool:
    """Tell whether a column of the source may be like the name, or the name like a pattern among the features."""
    patterns = list(filter(is_pattern, known))
    return any(is_like(name, pattern) for pattern in patterns) or (bool(patterns) and is_pattern(name))


def _taken_twice(steps: Sequence[Step], number: int) -> Iterator[str]:
    for source in taken_steps(steps, number):
        for before in range(source + 1, number):
            if source in taken_steps(steps, before):
                yield f"what {steps[source].name!r} makes is taken by step {before + 1} already: take what that one makes"


def _name_clashes(steps: Sequence[Step], number: int, kinds: Kinds) -> Iterator[str]:
    name = steps[number].name
    if name is None:
        return
    if name in (*kinds, ALL) or any(name in names for names in kinds.values()):
        yield f"{name!r} is a feature or a kind of features: choose another name"
    for before, other in enumerate(steps[:number]):
        if other.name == name:
            yield f"{name!r} is the name of step {before + 1} too"
