"""One column of the reference, ready to be compared with batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from perennial.drift.columns.broken import broken_labels, broken_numbers
from perennial.drift.columns.report import ColumnDrift, MissingRate
from perennial.drift.columns.words import describe_distance, describe_shares
from perennial.drift.statistics.chi_square import compare_labels
from perennial.drift.statistics.design_effect import (
    Clustering,
    Codes,
    clustering_of_labels,
    clustering_of_numbers,
    weights,
)
from perennial.drift.statistics.ecdf import Ecdf
from perennial.drift.statistics.floats import Floats, as_floats, sorted_values
from perennial.drift.statistics.ks import ks_pvalue
from perennial.drift.statistics.ks_pvalue import limiting_pvalue
from perennial.drift.statistics.labels import Labels, count_labels, count_numbers, label_codes
from perennial.drift.statistics.proportions import proportions_pvalue
from perennial.errors import DataError

# A numeric column with at most this many different values, each at least this often on average, is compared value by
# value: with so many ties the Kolmogorov-Smirnov test raises far fewer alarms than its level.
_FEW_VALUES = 20
_ROWS_PER_VALUE = 5

_UNCLUSTERED = Clustering()


@dataclass(frozen=True)
class PreparedColumn:
    """Distribution, missing values and clustering of a reference column.

    Attributes
    ----------
    name : str
    body : Ecdf or Labels or None
        Its distribution; None: the reference has no value in this column.
    missing : int
        Number of rows without a value.
    clustering, missing_clustering : Clustering
        Clustering by entity of the values, and of whether they are missing.
    """

    name: str
    body: Ecdf | Labels | None
    missing: int
    clustering: Clustering = _UNCLUSTERED
    missing_clustering: Clustering = _UNCLUSTERED

    @classmethod
    def of_numbers(cls, name: str, values: Any, entities: Codes | None) -> PreparedColumn:
        """Prepare a numeric column: for Kolmogorov-Smirnov, or for chi-square if it has few different values."""
        floats = as_floats(values, name)
        ordered, missing = sorted_values(floats)
        body: Ecdf | Labels | None = None
        if ordered.size:
            few = 1 + int((ordered[1:] != ordered[:-1]).sum())
            by_value = few <= _FEW_VALUES and ordered.size >= few * _ROWS_PER_VALUE
            body = count_numbers(ordered) if by_value else Ecdf.of(ordered)
        return cls(name, body, missing, *_clusterings(floats, np.isnan(floats), entities, isinstance(body, Labels)))

    @classmethod
    def of_labels(cls, name: str, values: Any, entities: Codes | None) -> PreparedColumn:
        """Prepare a categorical column; its values are compared as text."""
        labels, missing = count_labels(values)
        return cls(name, labels if labels.n else None, missing, *_label_clusterings(values, entities))

    @property
    def n(self) -> int:
        """Number of rows with a value."""
        return self.body.n if self.body else 0

    @property
    def test(self) -> Literal["kolmogorov_smirnov", "chi_square"]:
        """The test by which the column is compared."""
        return "chi_square" if isinstance(self.body, Labels) else "kolmogorov_smirnov"

    def compare(self, values: Any, entities: Codes | None, *, min_rows: int, by_label: bool) -> ColumnDrift:
        """Compare a batch's column, or None for one that the batch lacks; p-values are not adjusted yet."""
        if values is None:
            return self._not_tested("the batch has no such column", _Batch(rows=0))
        try:
            batch = _Batch.of_labels(values, entities) if by_label else self._numbers(values, entities)
        except DataError as error:
            return self._not_tested(str(error), _Batch(rows=0))
        for whose, n, rows in (("the reference", self.n, self.n + self.missing), ("the batch", batch.n, batch.rows)):
            if n < max(1, min_rows):
                return self._not_tested(f"{whose} has {n} values in {rows} rows, fewer than {max(1, min_rows)}", batch)
        found = self._compare_labels(batch) if isinstance(self.body, Labels) else self._compare_numbers(batch)
        return found.model_copy(update={"broken": self._broken(batch)})

    def _broken(self, batch: _Batch) -> str:
        assert self.body is not None  # noqa: S101 - a column without values was turned away
        if batch.ordered.size:
            return broken_numbers(self.body, batch.ordered)
        return broken_labels(self.body, batch.labels) if isinstance(self.body, Labels) and batch.labels else ""

    def _numbers(self, values: Any, entities: Codes | None) -> _Batch:
        floats = as_floats(values, self.name)
        ordered, _ = sorted_values(floats)
        by_value = isinstance(self.body, Labels)
        clusterings = _clusterings(floats, np.isnan(floats), entities, by_value) if entities is not None else ()
        return _Batch(floats.size, ordered, count_numbers(ordered) if by_value else None, *clusterings)

    def _compare_numbers(self, batch: _Batch) -> ColumnDrift:
        assert isinstance(self.body, Ecdf)  # noqa: S101 - columns without values have returned before
        row_weights = weights(self.clustering, batch.clustering)
        distance = self.body.distance(batch.ordered)
        effective = (self.n * row_weights[0], batch.n * row_weights[1])
        independent = row_weights == (1.0, 1.0)
        direction, sentence = describe_distance(distance, self.body, batch.ordered)
        return ColumnDrift(
            column=self.name,
            test="kolmogorov_smirnov",
            tested=True,
            statistic=distance.statistic,
            effect=distance.statistic,
            pvalue=ks_pvalue(distance, self.n, batch.n)
            if independent
            else limiting_pvalue(distance.statistic, *effective),
            direction=direction,
            location=distance.location,
            n_reference=self.n,
            n_current=batch.n,
            effective_reference=effective[0],
            effective_current=effective[1],
            missing=self._missing(batch),
            sentence=sentence,
        )

    def _compare_labels(self, batch: _Batch) -> ColumnDrift:
        assert isinstance(self.body, Labels) and batch.labels is not None  # noqa: S101, PT018 - as above
        row_weights = weights(self.clustering, batch.clustering)
        comparison = compare_labels(self.body, batch.labels, weights=row_weights)
        if comparison is None:
            return self._not_tested(
                f"all of the reference's {self.body.values.size} values are rare: fewer than 5 rows expected of each",
                batch,
            )
        direction, sentence = describe_shares(comparison, self.body, batch.labels)
        return ColumnDrift(
            column=self.name,
            test="chi_square",
            tested=True,
            statistic=comparison.statistic,
            effect=comparison.effect,
            pvalue=comparison.pvalue,
            direction=direction,
            psi=comparison.psi,
            unseen=comparison.unseen,
            unseen_rows=comparison.unseen_rows,
            n_reference=self.n,
            n_current=batch.n,
            effective_reference=self.n * row_weights[0],
            effective_current=batch.n * row_weights[1],
            missing=self._missing(batch),
            sentence=sentence,
        )

    def _not_tested(self, reason: str, batch: _Batch) -> ColumnDrift:
        return ColumnDrift(
            column=self.name,
            test=self.test,
            tested=False,
            reason=reason,
            n_reference=self.n,
            n_current=batch.n,
            effective_reference=self.n,
            effective_current=batch.n,
            missing=self._missing(batch),
        )

    def _missing(self, batch: _Batch) -> MissingRate:
        rows, missing = self.n + self.missing, batch.rows - batch.n
        pvalue = 1.0
        if rows and batch.rows:
            row_weights = weights(self.missing_clustering, batch.missing_clustering)
            pvalue = proportions_pvalue(self.missing, rows, missing, batch.rows, weights=row_weights)
        return MissingRate(
            reference=self.missing / rows if rows else 0.0,
            current=missing / batch.rows if batch.rows else 0.0,
            pvalue=pvalue,
            adjusted_pvalue=pvalue,
        )


@dataclass(frozen=True)
class _Batch:
    """A batch's column, converted to the form of the reference."""

    rows: int
    ordered: Floats = field(default_factory=lambda: np.empty(0))
    labels: Labels | None = None
    clustering: Clustering = _UNCLUSTERED
    missing_clustering: Clustering = _UNCLUSTERED

    @classmethod
    def of_labels(cls, values: Any, entities: Codes | None) -> _Batch:
        labels, missing = count_labels(values)
        return cls(labels.n + missing, np.empty(0), labels, *_label_clusterings(values, entities))

    @property
    def n(self) -> int:
        return self.labels.n if self.labels is not None else self.ordered.size


def _clusterings(floats: Floats, missing: Any, entities: Codes | None, by_value: bool) -> tuple[Clustering, Clustering]:
    if entities is None:
        return _UNCLUSTERED, _UNCLUSTERED
    values, among = floats[~missing], entities[~missing]
    of_values = clustering_of_labels(label_codes(values), among) if by_value else clustering_of_numbers(values, among)
    return of_values, clustering_of_labels(missing.astype(np.intp), entities)


def _label_clusterings(values: Any, entities: Codes | None) -> tuple[Clustering, Clustering]:
    if entities is None:
        return _UNCLUSTERED, _UNCLUSTERED
    codes = label_codes(values)
    present = codes >= 0
    return clustering_of_labels(codes[present], entities[present]), clustering_of_labels(
        (~present).astype(np.intp), entities
    )
