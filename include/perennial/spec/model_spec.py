"""The complete spec of a model, from its YAML file."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Self

from pydantic import model_validator

from perennial.spec.consistency import inconsistencies
from perennial.spec.feature_names import Kinds, named, unclear_patterns
from perennial.spec.features import Features
from perennial.spec.section import Section, refuse
from perennial.spec.sections import Sections


class _Features(Section):
    features: Features


class ModelSpec(Sections):
    """One model: its data, its estimator, how it is judged and when it is retrained."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        complaints = list(inconsistencies(self))
        if complaints:
            refuse(*complaints)
        return self

    def with_choice(self, estimator: str, params: dict[str, Any]) -> Self:
        """Return the spec in which this estimator is fixed, in place of the candidates and their search."""
        model = self.model.model_copy(update={"estimator": estimator, "params": params, "candidates": ()})
        return self.model_copy(update={"model": model, "tuning": None})

    def with_columns(self, columns: Iterable[str]) -> Self:
        """Return the spec in which patterns among the features are replaced by columns of the source.

        A column that is not a feature by another role is not taken: event time, key, target, `known_time`, weights,
        group of folds, entity of drift tests, groups that a fit makes alike.

        Parameters
        ----------
        columns : iterable of str
            The columns of the source.

        Raises
        ------
        pydantic.ValidationError
            A pattern matches no column, or one of another kind; or the steps are wrong with these features.
        """
        free = sorted(set(columns).difference(self._other_roles))
        kinds = self.features.kinds
        complaints = [(("features", *path), message) for path, message in unclear_patterns(kinds, free)]
        if complaints:
            refuse(*complaints)
        return self._checked(named(kinds, free))

    def without_features(self, names: Collection[str]) -> Self:
        """Return the spec without some of its features.

        Raises
        ------
        pydantic.ValidationError
            No feature is left, or the steps are wrong with these features.
        """
        kinds = self.features.kinds
        return self._checked({kind: tuple(name for name in kinds[kind] if name not in names) for kind in kinds})

    def _checked(self, kinds: Kinds) -> Self:
        # Only the section itself: what drift tests leave out, for example, need not be there each time.
        given = {name: getattr(self.features, name) for name in self.features.model_fields_set}
        _Features.model_validate({"features": given | dict(kinds)})
        return self.with_features(kinds)

    def with_features(self, kinds: Kinds) -> Self:
        """Return the spec with these features, as they were named before."""
        return self.model_copy(update={"features": self.features.model_copy(update=dict[str, Any](kinds.items()))})
