"""Kolmogorov-Smirnov over all numeric columns of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

from perennial.drift.columns.column_test import ColumnTest, named_columns, reference_entities
from perennial.drift.columns.prepared_column import PreparedColumn
from perennial.drift.statistics.floats import Columns, numeric_columns


class KolmogorovSmirnov(ColumnTest):
    """Finds the numeric columns whose distribution differs from the reference.

    Each column is tested with the exact two-sample D, or with chi-square if it has no more than 20 different values;
    the share of missing values is tested separately. p-values are adjusted over all tests of the batch (Benjamini and
    Hochberg).

    Examples
    --------
    >>> test = KolmogorovSmirnov.fit({"x": [float(i) for i in range(1000)]})
    >>> test.compare({"x": [float(i) for i in range(500, 1000)]}).drifted
    ('x',)
    """

    _by_label: ClassVar[bool] = False

    @classmethod
    def fit(cls, reference: Columns, *, columns: Iterable[str] | None = None, entity: str | None = None) -> Self:
        """Prepare a reference: sort each column once.

        Parameters
        ----------
        reference : pandas.DataFrame or mapping of str to array_like
            The champion's training rows.
        columns : iterable of str, optional
            Columns to compare; all numeric ones if not given.
        entity : str, optional
            Column with the entity of each row (a customer, an aircraft). Rows of one entity are similar, so the tests
            use effective sample sizes.

        Raises
        ------
        DataError
            A named column is absent or not numeric.
        """
        names = named_columns(reference, columns, entity, numeric_columns(reference))
        entities = reference_entities(reference, entity)
        return cls([PreparedColumn.of_numbers(name, reference[name], entities) for name in names], entity)
