"""The result of a test of a batch's columns."""

from __future__ import annotations

from typing import Literal

from perennial.drift.charts.chart_state import Ordinary
from perennial.record import Record

Direction = Literal["none", "higher", "lower", "wider", "narrower", "shares"]


class MissingRate(Record):
    """Share of missing values: in the reference, in the batch, and whether they differ."""

    reference: float
    current: float
    pvalue: float
    adjusted_pvalue: float
    drifted: bool = False


class ColumnDrift(Record):
    """One column of a batch compared with the reference."""

    column: str
    test: Literal["kolmogorov_smirnov", "chi_square"]
    tested: bool
    """False: the values were not tested, and `reason` says why. That does not mean 'no drift'."""
    reason: str = ""
    statistic: float | None = None
    """D, or chi-square."""
    effect: float | None = None
    """Size of the difference, 0 to 1, compared with the effect floor: D, or the share of rows with a changed label."""
    pvalue: float | None = None
    adjusted_pvalue: float | None = None
    """p-value adjusted by Benjamini and Hochberg over the test's columns."""
    drifted: bool = False
    """Values or share of missing values differ: adjusted p under the level and effect at least the floor; or, where what is
    ordinary was learnt, they are out of the ordinary or broken."""
    ordinary: Ordinary | None = None
    """How far is ordinary for this column; None: a floor decides, or too little is known."""
    broken: str = ""
    """What speaks for a fault of the source rather than for drift; empty if nothing does."""
    direction: Direction = "none"
    location: float | None = None
    """Kolmogorov-Smirnov: the value at which the distributions are farthest apart."""
    psi: float | None = None
    """Chi-square: the population stability index, for information; no decision depends on it."""
    unseen: tuple[str, ...] = ()
    """Chi-square: values of the batch that the reference does not have, most frequent first, at most 20."""
    unseen_rows: int = 0
    n_reference: int = 0
    """Number of values, without missing ones."""
    n_current: int = 0
    effective_reference: float = 0.0
    """Effective sample size, if rows repeat entities; equal to `n_reference` if no entity is named."""
    effective_current: float = 0.0
    missing: MissingRate
    sentence: str = ""
    """What changed, in words."""


class DriftReport(Record):
    """The result of a test for all its columns."""

    level: float
    effect_floor: float | None
    """None: what is ordinary for each column decides."""
    columns: tuple[ColumnDrift, ...]

    @property
    def drifted(self) -> tuple[str, ...]:
        """Names of the columns that drifted, largest effect first."""
        found = [column for column in self.columns if column.drifted]
        return tuple(column.column for column in sorted(found, key=lambda column: -_weight(column)))

    @property
    def broken(self) -> tuple[str, ...]:
        """Names of the columns that look broken."""
        return tuple(column.column for column in self.columns if column.broken)

    @property
    def not_tested(self) -> tuple[str, ...]:
        """Names of the columns whose values could not be tested."""
        return tuple(column.column for column in self.columns if not column.tested)

    @property
    def largest(self) -> ColumnDrift | None:
        """The tested column with the largest effect."""
        return max((column for column in self.columns if column.tested), key=_effect, default=None)

    def __getitem__(self, column: str) -> ColumnDrift:
        """Return the result of one column, or raise KeyError."""
        for found in self.columns:
            if found.column == column:
                return found
        raise KeyError(column)

    @property
    def sentence(self) -> str:
        """The result in words."""
        tested = len(self.columns) - len(self.not_tested)
        unknown = [name for name in self.not_tested if name not in self.drifted]
        untested = f"; not tested: {', '.join(unknown)}" if unknown else ""
        if not self.drifted:
            return f"none of {tested} columns drifted{untested}"
        # The share of missing values may have drifted in a column with too few values for a test of the values.
        names = [f"{name} (in what is missing)" if name in self.not_tested else name for name in self.drifted]
        return f"{len(names)} of {len(self.columns)} columns drifted: {', '.join(names)}{untested}"


def _effect(column: ColumnDrift) -> float:
    return max(column.effect or 0.0, abs(column.missing.current - column.missing.reference))


def _weight(column: ColumnDrift) -> float:
    """How far out of the ordinary a column is, where that was learnt; else its effect."""
    ordinary = column.ordinary
    if ordinary is None:
        return _effect(column)
    return max((ordinary.distance or 0.0) / ordinary.limit, ordinary.missing_distance / ordinary.missing_limit)
