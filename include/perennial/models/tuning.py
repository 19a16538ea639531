"""The result of a search: the estimator and parameters that training uses."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from perennial.record import Figure, Record
from perennial.spec.reading.yaml_text import as_yaml, from_yaml

if TYPE_CHECKING:
    from perennial.spec import ModelSpec


class Choice(Record):
    """An estimator with all its parameters."""

    estimator: str
    """Import path of the class."""
    params: str
    """Arguments of its constructor, in YAML: JSON would make texts of keys that are numbers."""

    @classmethod
    def of(cls, estimator: str, params: dict[str, Any]) -> Choice:
        """Return the choice of an estimator and its parameters."""
        return cls(estimator=estimator, params=as_yaml(params))

    def applied(self, spec: ModelSpec) -> ModelSpec:
        """Return the spec in which the choice is made."""
        return spec.with_choice(self.estimator, from_yaml(self.params))

    @property
    def in_words(self) -> str:
        """The class's name and its parameters, such as `Ridge(alpha=0.1)`."""
        params = from_yaml(self.params)
        said = ", ".join(f"{name}={_short(params[name])}" for name in sorted(params))
        return f"{self.estimator.rpartition('.')[2]}({said})"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


class Tuning(Record):
    """What a search found, or the earlier search that this retraining relies on."""

    choice: Choice
    searched: bool
    """False: no search was due, and the choice is that of an earlier one."""
    study: str
    """Name of the study in Optuna's storage."""
    space: str
    """Digest of the search: of candidates, sampler, metric and folds, but not of the rows."""
    data_end: datetime
    """Time of the newest row that was there when the search was made."""
    metric: str
    score: Figure
    """Mean of the winner's scores over the folds; NaN if no search was due."""
    spread: Figure
    """Standard deviation of its scores over the folds."""
    finished: int
    """Number of trials that gave a score."""
    pruned: int
    failed: int
    sentence: str
    """What was found, and why it won."""


class Search(Record):
    """How far a search is."""

    study: str
    """Empty: no search was due."""
    trials: int
    """Number of trials that have ended, in all processes."""
    sentence: str


class LatestSearch(Record):
    """The last search of a model, on which later retrainings may rely."""

    run_id: str
    """The retraining that made it."""
    tuning: Tuning
    taken_by: tuple[str, ...] = ()
    """The retrainings that have taken its result instead of searching."""
